/** Numbers, times and sizes, as people read them. */

const NUMBER = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const COST = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 4 });
const CLOCK = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });
const FULL = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

export const say = {
  number: (value: number) => NUMBER.format(value),
  compact: (value: number) => COMPACT.format(value),
  cost: (value: number) => COST.format(value),
  time: (at: string) => FULL.format(new Date(at)),
  clock: (at: Date) => CLOCK.format(at),
  /** A clock today, a day before. */
  when(at: string): string {
    const then = new Date(at);
    return new Date().toDateString() === then.toDateString() ? CLOCK.format(then) : DAY.format(then);
  },
  duration(ms: number): string {
    if (ms < 1_000) return `${Math.round(ms)} ms`;
    if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
    return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
  },
  bytes(size: number): string {
    return size < 1_024
      ? `${size} B`
      : size < 1_048_576
        ? `${(size / 1_024).toFixed(1)} KB`
        : `${(size / 1_048_576).toFixed(1)} MB`;
  },
};
