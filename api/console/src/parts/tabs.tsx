import { Link } from "@tanstack/react-router";
import { TAB, TAB_HERE } from "./looks";

/** Pages that belong together. */
export type Place =
  | "/agents"
  | "/harnesses"
  | "/workspaces"
  | "/settings/providers"
  | "/settings/models"
  | "/settings/organizations"
  | "/settings/members"
  | "/settings/tokens"
  | "/settings/connections"
  | "/settings/bounds"
  | "/settings/audit";

export function Tabs({ label, places }: { label: string; places: readonly { to: Place; label: string }[] }) {
  return (
    <nav aria-label={label} className="flex flex-wrap gap-x-5 border-b border-line px-5 pt-4">
      {places.map((place) => (
        <Link key={place.to} to={place.to} className={TAB} activeProps={TAB_HERE}>
          {place.label}
        </Link>
      ))}
    </nav>
  );
}
