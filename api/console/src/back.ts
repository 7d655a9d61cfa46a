/**
 * Return where whoever has logged in goes on: where they came from, if that is of this origin, else home. A browser reads
 * several addresses that begin with a slash as those of another origin.
 */
export function wayBack(address: unknown, origin: string): string {
  if (typeof address !== "string" || !address.startsWith("/")) return "/";
  return URL.canParse(address, origin) && new URL(address, origin).origin === origin ? address : "/";
}
