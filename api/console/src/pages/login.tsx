import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api } from "../api/client";
import { queries } from "../api/queries";
import { wayBack } from "../back";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { Refused } from "../parts/page";
import { Loading, Trouble } from "../parts/states";
import { words } from "../words";

const route = getRouteApi("/login");

/** Whoever must say who they are does so here. The server keeps it in cookies that no script can read. */
export function Login() {
  const ways = useQuery(queries.ways);
  return (
    <main className="grid h-full place-items-center overflow-y-auto p-5">
      <div className="grid w-full max-w-sm gap-5">
        <div className="flex items-center gap-3">
          <img src="/icon.svg" alt="" className="size-9" />
          <h1 className="text-2xl font-semibold tracking-tight">{words.login.title}</h1>
        </div>
        {ways.isPending && <Loading />}
        {ways.isLoadingError && <Trouble error={ways.error} retry={() => void ways.refetch()} />}
        {ways.data?.password_auth_enabled && <Passwords takesNewcomers={ways.data.signup_enabled} />}
        {ways.data?.mode === "external" && <p className="text-sm text-soft">{words.login.external}</p>}
        {ways.data?.oauth_providers.map((provider) => (
          <a
            key={provider}
            href={`/api/v1/auth/oauth/${provider}`}
            className="rounded-[0.625rem] border border-line bg-raised px-3 py-2 text-center text-sm font-medium hover:bg-sunken"
          >
            {words.login.with(provider)}
          </a>
        ))}
      </div>
    </main>
  );
}

interface Shown {
  email: string;
  password: string;
  name: string;
}

function Passwords({ takesNewcomers }: { takesNewcomers: boolean }) {
  const { back } = route.useSearch();
  const [isNew, setNew] = useState(false);
  const enter = useMutation({
    mutationFn: ({ email, password, name }: Shown) =>
      isNew
        ? api.POST("/api/v1/auth/register", { body: { email, password, name } })
        : api.POST("/api/v1/auth/login", { body: { email, password } }),
    // A new page knows nothing of whoever was here before.
    onSuccess: () => location.assign(wayBack(back, location.origin)),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "");
    enter.mutate({ email: text("email"), password: text("password"), name: text("name") });
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      {isNew && (
        <Field label={words.login.name}>
          <input name="name" required autoComplete="name" className="field" />
        </Field>
      )}
      <Field label={words.login.email}>
        <input name="email" type="email" required autoComplete="username" className="field" />
      </Field>
      <Field label={words.login.password}>
        <input
          name="password"
          type="password"
          required
          autoComplete={isNew ? "new-password" : "current-password"}
          className="field"
        />
      </Field>
      <Refused error={enter.error} />
      <Button look="main" type="submit" disabled={enter.isPending} className="py-2.5">
        {isNew ? words.login.register : words.login.submit}
      </Button>
      {takesNewcomers && (
        <button type="button" className="text-sm text-accent underline" onClick={() => setNew(!isNew)}>
          {isNew ? words.login.toLogin : words.login.toRegister}
        </button>
      )}
    </form>
  );
}
