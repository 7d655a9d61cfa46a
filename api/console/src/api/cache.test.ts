import { QueryObserver } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { Cache } from "./cache";

test("what was read before a change is not taken for what is there after it, also the first time", async () => {
  const cache = new Cache();
  const reads: ((value: string) => void)[] = [];
  const observer = new QueryObserver(cache, {
    queryKey: ["things"],
    queryFn: () => new Promise<string>((resolve) => reads.push(resolve)),
  });
  const end = observer.subscribe(() => undefined);
  await expect.poll(() => reads.length).toBe(1);
  const changed = cache.invalidateQueries({ queryKey: ["things"] });
  await expect.poll(() => reads.length).toBe(2);
  reads[0]?.("without it");
  reads[1]?.("with it");
  await changed;
  expect(observer.getCurrentResult().data).toBe("with it");
  end();
});
