/** The pages and their addresses. What is not needed at first is loaded when somebody goes there. */

import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  redirect,
  lazyRouteComponent as whenLoaded,
} from "@tanstack/react-router";
import { load } from "./load";
import { Home } from "./pages/home";
import { Loading, Trouble } from "./parts/states";
import { Chat } from "./session/chat";
import { SessionFrame } from "./session/frame";
import { Shell } from "./shell/shell";
import { words } from "./words";

/** Return a page of a module, which is loaded when somebody goes there. */
function lazyRouteComponent<Module extends Record<string, unknown>, Name extends keyof Module>(
  importer: () => Promise<Module>,
  name: Name,
) {
  return whenLoaded(() => load(importer), name);
}

// What an address says and cannot be is said to be undefined: what is not said at all stays as it is in the address.

function stringIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Return a text of an address, which looks like a number there if it is one. */
function textIn(value: unknown): string | undefined {
  return (typeof value === "string" && value !== "") || typeof value === "number" ? String(value) : undefined;
}

function textLike(pattern: RegExp, value: unknown): string | undefined {
  return typeof value === "string" && pattern.test(value) ? value : undefined;
}

const root = createRootRoute({ notFoundComponent: Lost });

const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: Home,
  validateSearch: (search: Record<string, unknown>): { agent?: string | undefined } => ({
    agent: stringIn(search.agent),
  }),
});

const welcome = createRoute({
  getParentRoute: () => shell,
  path: "/welcome",
  component: lazyRouteComponent(() => import("./pages/welcome"), "Welcome"),
  validateSearch: (search: Record<string, unknown>): { simulated?: true | undefined } => ({
    simulated: search.simulated === true || undefined,
  }),
});

// What the server would refuse before it looks for it.
const TURN_ID = /^turn_[0-9a-f]{32}$/;
const EVENT_TYPE = /^[a-z_]+(\.[a-z_]+)+$/;

interface EventSearch {
  /** The event that is looked at, by its sequence. */
  at?: number | undefined;
  /** Which events are listed. */
  type?: string | undefined;
  turn?: string | undefined;
  text?: string | undefined;
}

const session = createRoute({ getParentRoute: () => shell, path: "/sessions/$sessionId", component: SessionFrame });
const chat = createRoute({ getParentRoute: () => session, path: "/", component: Chat });

const events = createRoute({
  getParentRoute: () => session,
  path: "/events",
  component: lazyRouteComponent(() => import("./session/events"), "Events"),
  validateSearch: (search: Record<string, unknown>): EventSearch => ({
    at: Number.isSafeInteger(search.at) && Number(search.at) > 0 ? Number(search.at) : undefined,
    type: textLike(EVENT_TYPE, search.type),
    turn: textLike(TURN_ID, search.turn),
    text: textIn(search.text),
  }),
});

const turns = createRoute({
  getParentRoute: () => session,
  path: "/turns",
  component: lazyRouteComponent(() => import("./session/turns"), "Turns"),
  validateSearch: (search: Record<string, unknown>): { turn?: string | undefined } => ({ turn: textIn(search.turn) }),
});

const effects = createRoute({
  getParentRoute: () => session,
  path: "/effects",
  component: lazyRouteComponent(() => import("./session/effects"), "Effects"),
});

const files = createRoute({
  getParentRoute: () => session,
  path: "/files",
  component: lazyRouteComponent(() => import("./session/files"), "Files"),
});

const keys = createRoute({
  getParentRoute: () => session,
  path: "/keys",
  component: lazyRouteComponent(() => import("./session/keys"), "Keys"),
});

const secrets = createRoute({
  getParentRoute: () => session,
  path: "/secrets",
  component: lazyRouteComponent(() => import("./session/secrets"), "Secrets"),
});

const setup = createRoute({
  getParentRoute: () => session,
  path: "/setup",
  component: lazyRouteComponent(() => import("./session/setup"), "Setup"),
});

const operate = createRoute({
  getParentRoute: () => shell,
  path: "/operate",
  component: lazyRouteComponent(() => import("./operate/page"), "Operate"),
});

const settings = createRoute({
  getParentRoute: () => shell,
  path: "/settings",
  component: lazyRouteComponent(() => import("./settings/frame"), "SettingsFrame"),
});

const settingsHome = createRoute({
  getParentRoute: () => settings,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/settings/providers" });
  },
});

const settingsPages = [
  createRoute({
    getParentRoute: () => settings,
    path: "/providers",
    component: lazyRouteComponent(() => import("./settings/providers"), "Providers"),
  }),
  createRoute({
    getParentRoute: () => settings,
    path: "/models",
    component: lazyRouteComponent(() => import("./settings/models"), "Models"),
  }),
  createRoute({
    getParentRoute: () => settings,
    path: "/members",
    component: lazyRouteComponent(() => import("./settings/members"), "Members"),
  }),
  createRoute({
    getParentRoute: () => settings,
    path: "/tokens",
    component: lazyRouteComponent(() => import("./settings/tokens"), "Tokens"),
  }),
  createRoute({
    getParentRoute: () => settings,
    path: "/organizations",
    component: lazyRouteComponent(() => import("./settings/organizations"), "Organizations"),
  }),
  createRoute({
    getParentRoute: () => settings,
    path: "/connections",
    component: lazyRouteComponent(() => import("./settings/connections"), "Connections"),
  }),
  createRoute({
    getParentRoute: () => settings,
    path: "/bounds",
    component: lazyRouteComponent(() => import("./settings/bounds"), "Bounds"),
  }),
  createRoute({
    getParentRoute: () => settings,
    path: "/audit",
    component: lazyRouteComponent(() => import("./settings/audit"), "Audit"),
  }),
] as const;

const library = createRoute({
  getParentRoute: () => shell,
  id: "library",
  component: lazyRouteComponent(() => import("./pages/library"), "Library"),
});

const shelves = [
  createRoute({
    getParentRoute: () => library,
    path: "/agents",
    component: lazyRouteComponent(() => import("./pages/shelves"), "Agents"),
  }),
  createRoute({
    getParentRoute: () => library,
    path: "/harnesses",
    component: lazyRouteComponent(() => import("./pages/shelves"), "Harnesses"),
  }),
  createRoute({
    getParentRoute: () => library,
    path: "/workspaces",
    component: lazyRouteComponent(() => import("./pages/workspaces"), "Workspaces"),
  }),
] as const;

/** What a copy is made of. */
const copied = (search: Record<string, unknown>): { from?: string | undefined } => ({ from: stringIn(search.from) });

const agent = createRoute({
  getParentRoute: () => shell,
  path: "/agents/$agentId",
  component: lazyRouteComponent(() => import("./pages/agent"), "AgentPage"),
  validateSearch: copied,
});

const harness = createRoute({
  getParentRoute: () => shell,
  path: "/harnesses/$harnessId",
  component: lazyRouteComponent(() => import("./pages/harness"), "HarnessPage"),
  validateSearch: copied,
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: lazyRouteComponent(() => import("./pages/login"), "Login"),
  validateSearch: (search: Record<string, unknown>): { back?: string | undefined } => ({ back: stringIn(search.back) }),
});

export const router = createRouter({
  routeTree: root.addChildren([
    shell.addChildren([
      home,
      welcome,
      session.addChildren([chat, events, turns, effects, files, keys, secrets, setup]),
      library.addChildren(shelves),
      agent,
      harness,
      operate,
      settings.addChildren([settingsHome, ...settingsPages]),
    ]),
    login,
  ]),
  defaultPreload: "intent",
  defaultPendingComponent: Loading,
  defaultErrorComponent: ({ error }) => <Trouble error={error} />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function Lost() {
  return (
    <main className="grid h-full place-items-center">
      <div className="text-center">
        <h1 className="text-xl">{words.errors.lost}</h1>
        <Link to="/" className="text-accent underline">
          {words.errors.home}
        </Link>
      </div>
    </main>
  );
}
