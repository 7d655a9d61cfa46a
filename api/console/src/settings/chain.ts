/** Models that take over one after the other, by the keys that an organisation keeps. */

import type { Model } from "../api/client";

/** Return the model that a key means: its id, or `provider:name` of one of the server's own. */
export function modelOf(key: string | null, models: readonly Model[]): Model | undefined {
  return models.find((model) => model.id === key || `${model.provider_type}:${model.model_id}` === key);
}

/** Whether it can be called as it is. */
export function isUsable(model: Model): boolean {
  return model.enabled && model.healthy;
}

/** Return what a choice offers: what can be called, and what is chosen, whatever became of it. */
export function offered(models: readonly Model[], chosen: Model | undefined): Model[] {
  return models.filter((model) => isUsable(model) || model === chosen);
}

/** Return a chain in which what was at one place is at another; as it is, if there is no such place. */
export function moved(chain: readonly string[], from: number, to: number): string[] {
  const key = chain[from];
  if (key === undefined || to < 0 || to >= chain.length) return [...chain];
  return chain.toSpliced(from, 1).toSpliced(to, 0, key);
}
