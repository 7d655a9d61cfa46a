/** Markdown as people read it in a line or two, where none of it is drawn. It may be cut off anywhere. */

const RULES: readonly (readonly [RegExp, string])[] = [
  [/^\s*(?:```|~~~).*$/gm, " "], // fences
  [/^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+]\s+(?:\[[ xX]\]\s+)?|\d+[.)]\s+)/gm, ""], // headings, quotes, lists
  [/^\s*\|?(?:\s*:?-{3,}:?\s*\|?)+\s*$/gm, " "], // rules, and those of tables
  [/!\[([^\]]*)\]\([^)]*\)?/g, "$1"], // pictures
  [/\[([^\]]+)\]\([^)]*\)?/g, "$1"], // links
  [/(\*\*|__|~~)(?=\S)(.*?\S)\1/g, "$2"],
  [/(^|[^\w*])[*_](?=\S)([^*_\n]*?\S)[*_](?![\w*])/g, "$1$2"],
  [/`+([^`]*)`*/g, "$1"],
  [/\*\*|~~/g, ""], // of what was cut off
  [/\s+/g, " "],
];

/** Return a text without the signs of Markdown, in one line. */
export function plainOf(markdown: string): string {
  return RULES.reduce((text, [sign, instead]) => text.replace(sign, instead), markdown).trim();
}
