/** The palette's field, which is there before the rest of it. */
export const PALETTE_FIELD = "w-full border-b border-line bg-transparent px-5 py-4 outline-none placeholder:text-soft";
