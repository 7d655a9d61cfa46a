/** The platform's own dialog: it keeps the focus inside, closes on Escape, and gives the focus back to its opener. */

import { type ReactNode, useEffect, useRef } from "react";

interface Props {
  label: string;
  onClose: () => void;
  /** Whether it is as wide as what is in it. */
  isWide?: boolean;
  children: ReactNode;
}

export function Modal({ label, onClose, isWide = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    dialog.current?.querySelector("input")?.focus();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a dialog by itself
    <dialog
      ref={dialog}
      aria-label={label}
      onCancel={onClose}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
      className={`mx-auto rounded-2xl border border-line bg-raised p-0 text-ink shadow-2xl ${isWide ? "my-auto max-w-[calc(100vw-2rem)]" : "mt-[12vh] w-[min(36rem,calc(100vw-2rem))]"}`}
    >
      {children}
    </dialog>
  );
}
