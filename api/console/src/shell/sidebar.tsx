import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { forget } from "../again";
import { api } from "../api/client";
import { queries } from "../api/queries";
import { Button } from "../parts/button";
import { Icon, type IconName } from "../parts/icons";
import { Refused } from "../parts/page";
import { changeTheme, useTheme } from "../theme";
import { words } from "../words";
import { SessionList } from "./session-list";

export function Sidebar({ onCommands }: { onCommands: () => void }) {
  const [search, setSearch] = useState("");
  return (
    <nav aria-label={words.nav.label} className="flex h-full flex-col gap-3 p-3">
      <div className="flex items-center justify-between px-2 pt-1">
        <Link to="/" className="flex items-center gap-2 text-lg font-semibold tracking-tight">
          <img src="/icon.svg" alt="" className="size-6" />
          {words.product}
        </Link>
        <Button look="quiet" onClick={onCommands} title={words.nav.commands}>
          <span className="sr-only">{words.nav.commands}</span>
          <kbd className="font-mono text-xs">⌘K</kbd>
        </Button>
      </div>
      <Link
        to="/"
        className="flex items-center gap-2 rounded-[0.625rem] border border-line bg-raised px-3 py-2 text-sm font-medium hover:border-accent"
      >
        <Icon name="plus" />
        {words.nav.newChat}
      </Link>
      <label className="flex items-center gap-2 rounded-[0.625rem] px-3 text-sm text-soft focus-within:bg-raised">
        <Icon name="search" />
        <span className="sr-only">{words.nav.search}</span>
        <input
          type="search"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          placeholder={words.nav.search}
          className="w-full bg-transparent py-1.5 text-ink outline-none placeholder:text-soft"
        />
      </label>
      <SessionList search={search.trim()} />
      <Places />
    </nav>
  );
}

function Places() {
  return (
    <div className="grid gap-0.5 border-t border-line pt-2">
      <Link to="/agents" className={PLACE} activeProps={{ className: "bg-raised text-ink" }}>
        <Icon name="agent" />
        {words.nav.agents}
      </Link>
      <Link to="/operate" className={PLACE} activeProps={{ className: "bg-raised text-ink" }}>
        <Icon name="pulse" />
        {words.nav.operate}
      </Link>
      <Link to="/settings" className={PLACE} activeProps={{ className: "bg-raised text-ink" }}>
        <Icon name="settings" />
        {words.nav.settings}
      </Link>
      <a href="/api-doc/" className={PLACE}>
        <Icon name="book" />
        {words.nav.api}
      </a>
      <ThemeButton />
      <LogOut />
    </div>
  );
}

const PLACE =
  "flex items-center gap-2 rounded-[0.625rem] px-3 py-1.5 text-left text-sm text-soft hover:bg-raised hover:text-ink";

function PlaceButton({ icon, label, onClick }: { icon: IconName; label: string; onClick: () => void }) {
  return (
    <button type="button" onClick={onClick} className={PLACE}>
      <Icon name={icon} />
      {label}
    </button>
  );
}

function ThemeButton() {
  const now = useTheme();
  const other = now === "dark" ? words.nav.light : words.nav.dark;
  return <PlaceButton icon={now === "dark" ? "sun" : "moon"} label={words.nav.theme(other)} onClick={changeTheme} />;
}

function LogOut() {
  const ways = useQuery(queries.ways);
  const leave = useMutation({
    mutationFn: () => api.POST("/api/v1/auth/logout"),
    onSuccess: () => {
      forget();
      location.assign("/login");
    },
  });
  if (ways.data === undefined || ways.data.mode === "none") return null;
  return (
    <>
      <PlaceButton icon="out" label={words.nav.logOut} onClick={() => leave.mutate()} />
      <Refused error={leave.error} />
    </>
  );
}
