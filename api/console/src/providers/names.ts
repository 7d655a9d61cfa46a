/** Return a name that nobody has yet: the wanted one, or the first of `wanted-2`, `wanted-3` that is free. */
export function freeName(wanted: string, taken: readonly { name: string }[]): string {
  const names = new Set(taken.map(({ name }) => name));
  for (let count = 2, name = wanted; ; count += 1) {
    if (!names.has(name)) return name;
    name = `${wanted}-${count}`;
  }
}
