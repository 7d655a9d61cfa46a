import { Outlet } from "@tanstack/react-router";
import { Tabs } from "../parts/tabs";
import { words } from "../words";
import { PLACES } from "./places";

export function SettingsFrame() {
  return (
    <>
      <Tabs label={words.settings.label} places={PLACES} />
      <Outlet />
    </>
  );
}
