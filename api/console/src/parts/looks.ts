/** Looks that several parts have in common. */

export const TAB = "border-b-2 border-transparent px-1 pb-2 text-sm text-soft hover:text-ink";
export const TAB_HERE = { className: "border-accent! text-ink!" };

/** Of a link that stands among buttons. */
export const LINK = "rounded-[0.625rem] border border-line px-3 py-1.5 text-sm font-medium hover:bg-sunken";
