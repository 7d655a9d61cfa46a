import { Outlet } from "@tanstack/react-router";
import { Tabs } from "../parts/tabs";
import { words } from "../words";

const PLACES = [
  { to: "/agents", label: words.agents.title },
  { to: "/harnesses", label: words.harnesses.title },
  { to: "/workspaces", label: words.workspaces.title },
] as const;

/** What sessions are made of. */
export function Library() {
  return (
    <>
      <Tabs label={words.nav.library} places={PLACES} />
      <Outlet />
    </>
  );
}
