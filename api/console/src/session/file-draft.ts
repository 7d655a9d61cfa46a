/** What somebody types into a file, beside what is stored of it. */

export interface Draft {
  text: string;
  /** What was stored when they began, or when they saved last. */
  base: string;
  /** What the editor began with. */
  began: string;
}

/** Return a draft with another text in it; `stored` is what there is. */
export function written(before: Draft | null, text: string, stored: string): Draft {
  return { base: stored, began: stored, ...before, text };
}

/** Return a draft for whoever comes back to it: the editor begins with what they typed. */
export function reopened(before: Draft | null): Draft | null {
  return before && { ...before, began: before.text };
}

/** Return what is left of a draft once a text of it is saved: what was typed since, if anything was. */
export function afterSaving(now: Draft | null, saved: string): Draft | null {
  return now === null || now.text === saved ? null : { ...now, base: saved };
}

/** Whether saving would replace what whoever types has not seen: `compared` is what their text is shown beside. */
export function isUnseen(stored: string, { text, base }: Draft, compared: string | null): boolean {
  return ![text, base, compared].includes(stored);
}
