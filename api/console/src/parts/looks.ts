/** Looks that several parts have in common. */

export const TAB = "border-b-2 border-transparent px-1 pb-2 text-sm text-soft hover:text-ink";
export const TAB_HERE = { className: "border-accent! text-ink!" };
