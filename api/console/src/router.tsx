/** The pages and their addresses. What is not needed at first is loaded when somebody goes there. */

import { createRootRoute, createRoute, createRouter, Link, lazyRouteComponent } from "@tanstack/react-router";
import { Home } from "./pages/home";
import { Trouble } from "./parts/states";
import { Chat } from "./session/chat";
import { SessionFrame } from "./session/frame";
import { Shell } from "./shell/shell";
import { words } from "./words";

const root = createRootRoute({ notFoundComponent: Lost });

const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: Home,
  validateSearch: (search: Record<string, unknown>): { agent?: string } =>
    typeof search.agent === "string" ? { agent: search.agent } : {},
});

const session = createRoute({ getParentRoute: () => shell, path: "/sessions/$sessionId", component: SessionFrame });
const chat = createRoute({ getParentRoute: () => session, path: "/", component: Chat });

const events = createRoute({
  getParentRoute: () => session,
  path: "/events",
  component: lazyRouteComponent(() => import("./session/events"), "Events"),
  validateSearch: (search: Record<string, unknown>): { at?: number } =>
    typeof search.at === "number" ? { at: search.at } : {},
});

const turns = createRoute({
  getParentRoute: () => session,
  path: "/turns",
  component: lazyRouteComponent(() => import("./session/turns"), "Turns"),
});

const files = createRoute({
  getParentRoute: () => session,
  path: "/files",
  component: lazyRouteComponent(() => import("./session/files"), "Files"),
});

const agents = createRoute({
  getParentRoute: () => shell,
  path: "/agents",
  component: lazyRouteComponent(() => import("./pages/agents"), "Agents"),
});

const agent = createRoute({
  getParentRoute: () => shell,
  path: "/agents/$agentId",
  component: lazyRouteComponent(() => import("./pages/agent"), "AgentPage"),
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: lazyRouteComponent(() => import("./pages/login"), "Login"),
  validateSearch: (search: Record<string, unknown>): { back?: string } =>
    typeof search.back === "string" && /^\/(?!\/)/.test(search.back) ? { back: search.back } : {},
});

export const router = createRouter({
  routeTree: root.addChildren([
    shell.addChildren([home, session.addChildren([chat, events, turns, files]), agents, agent]),
    login,
  ]),
  defaultPreload: "intent",
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
