/** Packs the bundle for the wire, and says what a first visit loads. It may be 150 KB. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const DIST = join(import.meta.dirname, "dist");
const FIRST_LOAD_MOST = 150_000;
const PACKABLE = /\.(js|css|html|svg|md)$/;

function pack(name) {
  const body = readFileSync(join(DIST, name));
  const better = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } });
  writeFileSync(join(DIST, `${name}.br`), better);
  writeFileSync(join(DIST, `${name}.gz`), gzipSync(body, { level: 9 }));
  return better.length;
}

const names = readdirSync(DIST, { recursive: true }).filter((name) => PACKABLE.test(name));
const sizes = new Map(names.map((name) => [name, pack(name)]));
const page = readFileSync(join(DIST, "index.html"), "utf8");
const first = ["index.html", ...[...page.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((match) => match[1])];
const load = first.reduce((sum, name) => sum + sizes.get(name), 0);
const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
const kilobytes = (size) => `${(size / 1_000).toFixed(1)} KB`;
process.stdout.write(`console: first load ${kilobytes(load)} compressed, ${kilobytes(all)} in all\n`);
if (load > FIRST_LOAD_MOST) {
  process.stderr.write(`A first load may have ${kilobytes(FIRST_LOAD_MOST)}: load parts of it later.\n`);
  process.exitCode = 1;
}
