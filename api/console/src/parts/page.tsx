/** A page that is read from top to bottom: what it is, what can be done there, what there is. */

import type { ReactNode } from "react";

interface Props {
  title: string;
  subtitle?: string;
  action?: ReactNode;
  children: ReactNode;
}

export function Page({ title, subtitle, action, children }: Props) {
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto grid w-full max-w-4xl gap-5 px-5 py-8">
        <div className="flex flex-wrap items-start gap-4">
          <div className="min-w-0 flex-1">
            <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
            {subtitle && <p className="mt-1 text-sm text-soft">{subtitle}</p>}
          </div>
          {action}
        </div>
        {children}
      </div>
    </div>
  );
}

/** A part of a page under a heading of its own. */
export function Part({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="grid gap-3">
      <div>
        <h2 className="text-lg font-semibold">{title}</h2>
        {hint && <p className="text-sm text-soft">{hint}</p>}
      </div>
      {children}
    </section>
  );
}

interface RowProps {
  name: ReactNode;
  note?: ReactNode;
  /** What stands below all that, as wide as it. */
  below?: ReactNode;
  children?: ReactNode;
}

/** One thing of a list: its name, what is said of it, and what can be done with it. */
export function Row({ name, note, below, children }: RowProps) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-xl border border-line bg-raised px-4 py-3">
      <div className="min-w-0 flex-1">
        <div className="truncate text-sm font-medium">{name}</div>
        {note && <div className="text-xs text-soft">{note}</div>}
      </div>
      <div className="flex flex-wrap items-center gap-2">{children}</div>
      {below && <div className="basis-full">{below}</div>}
    </li>
  );
}

/** What the server said when something did not work. */
export function Refused({ error }: { error: Error | null }) {
  if (error === null) return null;
  return (
    <p role="alert" className="text-sm text-bad">
      {error.message}
    </p>
  );
}
