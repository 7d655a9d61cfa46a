import type { ReactNode } from "react";

interface Props {
  label: string;
  hint?: string | undefined;
  problem?: string | undefined;
  children: ReactNode;
}

/** What a control is called, and what is wrong with it, if the server said so. */
export function Field({ label, hint, problem, children }: Props) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: its control is among its children
    <label className="grid content-start gap-1 text-sm">
      <span>
        {label} {hint && <span className="text-xs text-soft">{hint}</span>}
      </span>
      {children}
      {problem && (
        <span role="alert" className="text-xs text-bad">
          {problem}
        </span>
      )}
    </label>
  );
}
