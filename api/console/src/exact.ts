/** JSON as somebody wrote it: whoever reads its numbers as such may make other ones of them. */

/** A text, a sign, or what hangs together between them. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
const DIGITS_SAFE = 15;
/** What may be such a number, or else an id. */
const LONG = /\d{16}/;

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;
/** What newer engines have, and TypeScript does not know yet: a number that is written again as it was read. */
const { rawJSON } = JSON as { rawJSON?: (source: string) => unknown };

const kept: Reviver = (_, value, context) => {
  const isOther = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isOther && rawJSON && context?.source ? rawJSON(context.source) : value;
};

/** Return what a JSON text says, with whole numbers that are too long to be one of ours as they are written. */
export function read(text: string): unknown {
  return LONG.test(text) ? JSON.parse(text, kept) : JSON.parse(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isExact(number: string): boolean {
  const value = Number(number);
  const digits = number.replace(/e.*/i, "").replace(/\D/g, "").replace(/^0+/, "");
  const isSmall = digits.length <= DIGITS_SAFE && Number.isFinite(value) && (value !== 0 || digits === "");
  return isSmall || String(value) === number;
}

/** Return what somebody typed as JSON; as the text that it is where it is none, or a number would be another one. */
export function valueIn(text: string): unknown {
  if (!isJson(text)) return text;
  const value: unknown = JSON.parse(text);
  if (typeof value === "number") return String(value) === text.trim() ? value : text;
  const numbers = (text.match(TOKEN) ?? []).filter((token) => /^-?\d/.test(token));
  return numbers.every(isExact) ? value : text;
}

/** Return a JSON text laid out for a reader, its numbers as they are written; any other text as it is. */
export function laidOut(text: string): string {
  if (!isJson(text)) return text;
  const tokens = text.match(TOKEN) ?? [];
  let depth = 0;
  return tokens.reduce((before, token, at) => {
    const isClosing = "}]".includes(token);
    const isEmpty = isClosing && "{[".includes(tokens[at - 1] ?? "?");
    const isOpened = !isClosing && "{[".includes(tokens[at - 1] ?? "?");
    if (isOpened) depth += 1;
    if (isClosing && !isEmpty) depth -= 1;
    const isOnNewLine = isOpened || (isClosing && !isEmpty) || tokens[at - 1] === ",";
    return before + (isOnNewLine ? `\n${"  ".repeat(depth)}` : "") + written(token);
  }, "");
}

function written(token: string): string {
  if (token === ":") return ": ";
  return token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : token;
}
