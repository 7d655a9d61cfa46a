/** The frame of every page: sessions and places on the left, the page beside them. */

import { Outlet, useLocation } from "@tanstack/react-router";
import { lazy, useEffect, useRef, useState } from "react";
import { load } from "../load";
import { Icon } from "../parts/icons";
import { Later } from "../parts/later";
import { Modal } from "../parts/modal";
import { words } from "../words";
import { LoggedOut } from "./logged-out";
import { PALETTE_FIELD } from "./palette-look";
import { Sidebar } from "./sidebar";

const Palette = lazy(() => load(() => import("./palette")));

export function Shell() {
  const { pathname } = useLocation();
  const drawer = useRef<HTMLDialogElement>(null);
  const [isDrawn, setDrawn] = useState(false);
  const [isSearching, setSearching] = useState(false);

  const [typed, setTyped] = useState("");
  const close = () => {
    setSearching(false);
    setTyped("");
  };

  const open = () => {
    setDrawn(true);
    drawer.current?.showModal();
  };
  useEffect(() => {
    if (pathname) drawer.current?.close();
  }, [pathname]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      setSearching(true);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);

  return (
    <div className="flex h-full">
      <a href="#content" className="sr-only focus:not-sr-only focus:absolute focus:z-10 focus:bg-raised focus:p-2">
        {words.nav.skip}
      </a>
      <aside className="hidden w-72 shrink-0 border-r border-line bg-sunken md:block">
        <Sidebar onCommands={() => setSearching(true)} />
      </aside>
      <dialog
        ref={drawer}
        aria-label={words.nav.menu}
        onClose={() => setDrawn(false)}
        className="m-0 h-full max-h-none w-72 bg-sunken text-ink md:hidden"
      >
        {isDrawn && <Sidebar onCommands={() => setSearching(true)} />}
      </dialog>
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="flex items-center gap-3 border-b border-line px-4 py-2 md:hidden">
          <button type="button" aria-label={words.nav.menu} onClick={open}>
            <Icon name="menu" className="size-5" />
          </button>
          <span className="font-semibold">{words.product}</span>
        </header>
        <LoggedOut />
        <main id="content" tabIndex={-1} className="flex min-h-0 flex-1 flex-col outline-none">
          <Outlet />
        </main>
      </div>
      {isSearching && (
        <Modal label={words.palette.title} onClose={close}>
          <Later
            until={
              <input
                aria-label={words.palette.title}
                placeholder={words.palette.placeholder}
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
                className={PALETTE_FIELD}
              />
            }
          >
            <Palette begun={typed} onClose={close} />
          </Later>
        </Modal>
      )}
    </div>
  );
}
