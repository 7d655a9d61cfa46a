/** Light or dark: as the system says, until somebody says otherwise. */

import { useSyncExternalStore } from "react";

const KEY = "perdure.theme";
const SYSTEM = matchMedia("(prefers-color-scheme: dark)");

export type Theme = "light" | "dark";

/** Show the page in its theme, whoever changes that: the system, or another tab. */
export function followTheme(): void {
  applyTheme();
  SYSTEM.addEventListener("change", applyTheme);
  addEventListener("storage", applyTheme);
}

export function changeTheme(): void {
  localStorage.setItem(KEY, theme() === "dark" ? "light" : "dark");
  applyTheme();
}

/** Return the theme that the page is shown in. */
export function useTheme(): Theme {
  return useSyncExternalStore(watchTheme, theme);
}

function watchTheme(onChange: () => void): () => void {
  const watcher = new MutationObserver(onChange);
  watcher.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => watcher.disconnect();
}

function theme(): Theme {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "light" || chosen === "dark") return chosen;
  return SYSTEM.matches ? "dark" : "light";
}

function applyTheme(): void {
  document.documentElement.dataset.theme = theme();
}
