import { type InvalidateOptions, type InvalidateQueryFilters, QueryClient, type QueryKey } from "@tanstack/react-query";

/** What was read, until something changes it. */
export class Cache extends QueryClient {
  /**
   * Read anew what a change concerns. What is just being read, also for the first time, may be from before the change: it
   * is broken off, where the library would take it for the answer.
   */
  override async invalidateQueries<Key extends QueryKey>(
    filters?: InvalidateQueryFilters<Key>,
    options?: InvalidateOptions,
  ): Promise<void> {
    await this.cancelQueries(filters);
    await super.invalidateQueries(filters, options);
  }
}
