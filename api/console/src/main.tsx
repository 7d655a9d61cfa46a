import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { beforeShown, watchLogins } from "./again";
import { Cache } from "./api/cache";
import { Refusal } from "./api/client";
import { whenStranger } from "./api/standing";
import { Loading } from "./parts/states";
import { router } from "./router";
import { isAnythingKept } from "./session/drafts";
import { followTheme } from "./theme";
import "./styles.css";

followTheme();

const TRIES = 3;
const queries = new Cache({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < TRIES && error instanceof Refusal && error.isPassing,
    },
    mutations: { retry: false },
  },
});

addEventListener("beforeunload", (event) => {
  if (isAnythingKept()) event.preventDefault();
});

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
const page = createRoot(root);
page.render(<Loading />);
void beforeShown().then(() => {
  whenStranger(() => {
    const { pathname, href } = router.state.location;
    if (pathname !== "/login") void router.navigate({ to: "/login", search: { back: href } });
  });
  watchLogins(queries);
  page.render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
});
