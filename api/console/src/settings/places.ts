/** The pages of the settings, in their order: as tabs, and for whoever looks for one by its name. */

import { words } from "../words";

export const PLACES = [
  { to: "/settings/providers", label: words.providers.title },
  { to: "/settings/models", label: words.models.title },
  { to: "/settings/organizations", label: words.settings.organizations },
  { to: "/settings/members", label: words.settings.members },
  { to: "/settings/tokens", label: words.settings.tokens },
  { to: "/settings/connections", label: words.settings.connections },
  { to: "/settings/bounds", label: words.settings.bounds },
  { to: "/settings/audit", label: words.settings.audit },
] as const;
