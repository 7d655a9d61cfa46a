import { Outlet } from "@tanstack/react-router";
import { Tabs } from "../parts/tabs";
import { words } from "../words";

const PLACES = [
  { to: "/settings/providers", label: words.providers.title },
  { to: "/settings/models", label: words.models.title },
  { to: "/settings/organizations", label: words.settings.organizations },
  { to: "/settings/members", label: words.settings.members },
  { to: "/settings/tokens", label: words.settings.tokens },
  { to: "/settings/connections", label: words.settings.connections },
  { to: "/settings/bounds", label: words.settings.bounds },
  { to: "/settings/audit", label: words.settings.audit },
] as const;

export function SettingsFrame() {
  return (
    <>
      <Tabs label={words.settings.label} places={PLACES} />
      <Outlet />
    </>
  );
}
