/** Lists that are read on from where a page of them ended. */

interface ListPage {
  data: readonly unknown[];
  offset?: number;
  total: number;
}

/** Return where the page after this one begins; undefined after the last. */
export function nextOffset({ data, offset = 0, total }: ListPage): number | undefined {
  const next = offset + data.length;
  return next < total ? next : undefined;
}
