/** One harness, made or changed, and what it stands on. Those that the server brings are read. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { api, body } from "../api/client";
import { Archive } from "../layers/archive";
import { changedBy, chosenIn, copied, givenBy, type Harness, type Marks, unshown } from "../layers/draft";
import { LayerForm } from "../layers/form";
import { HarnessPick } from "../layers/harness-pick";
import { layers } from "../layers/queries";
import { Resolved } from "../layers/resolved";
import { NEW } from "../layers/shelf";
import { Stack } from "../layers/stack";
import { Button } from "../parts/button";
import { Loading, Trouble } from "../parts/states";
import { freeName } from "../providers/names";
import { words } from "../words";

const route = getRouteApi("/shell/harnesses/$harnessId");

export function HarnessPage() {
  const { harnessId } = route.useParams();
  const { from } = route.useSearch();
  const source = harnessId === NEW ? from : harnessId;
  const harness = useQuery({ ...layers.harness(source ?? NEW), enabled: source !== undefined });
  const others = useQuery(layers.harnesses(""));
  if (harness.isLoadingError) return <Trouble error={harness.error} retry={() => void harness.refetch()} />;
  if ((source !== undefined && harness.isPending) || others.isPending) return <Loading />;
  const isNew = harnessId === NEW;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto grid w-full max-w-3xl gap-5 px-5 py-8">
        <Link to="/harnesses" className="text-sm text-soft hover:text-ink">
          ← {words.harnesses.back}
        </Link>
        <Form key={`${harnessId} ${from}`} source={harness.data ?? null} isNew={isNew} taken={others.data ?? []} />
        {!isNew && harness.data && <Resolved kind="harness" id={harness.data.id} />}
        {!isNew && harness.data?.parent_harness_id && <Stack harnessId={harness.data.parent_harness_id} />}
      </div>
    </div>
  );
}

interface FormProps {
  /** The harness itself, or what a new one is a copy of. */
  source: Harness | null;
  isNew: boolean;
  taken: readonly Harness[];
}

function Form({ source, isNew, taken }: FormProps) {
  const client = useQueryClient();
  const { layer: harness, lacksSecrets } = isNew ? copied(source) : { layer: source, lacksSecrets: false };
  const navigate = useNavigate();
  const save = async (form: FormData, marks: Marks) => {
    const before = isNew || harness === null ? {} : harness;
    const chosen = chosenIn(form, before, "default_model_id", "parent_harness_id");
    const saved = body(
      isNew || harness === null
        ? await api.POST("/api/v1/harnesses", {
            body: { ...unshown(harness), ...givenBy(form, marks, harness), ...chosen },
          })
        : await api.PATCH("/api/v1/harnesses/{harness}", {
            params: { path: { harness: harness.id } },
            body: { ...changedBy(form, marks, harness), ...chosen },
          }),
    );
    await client.invalidateQueries({ queryKey: ["harnesses"] });
    void client.invalidateQueries({ queryKey: ["resolved"] });
    client.setQueryData(layers.harness(saved.id).queryKey, saved);
    await navigate({ to: "/harnesses/$harnessId", params: { harnessId: saved.id } });
  };
  return (
    <LayerForm
      title={titleOf(harness, isNew)}
      layer={harness}
      name={isNew ? freeName(harness?.name ?? words.harnesses.starter, taken) : (harness?.name ?? "")}
      save={save}
      isNew={isNew}
      notice={lacksSecrets ? words.agents.noSecrets : undefined}
      isReadonly={!isNew && (harness?.is_built_in === true || harness?.status === "archived")}
      further={!isNew && harness && <Further harness={harness} />}
      base={
        <HarnessPick
          name="parent_harness_id"
          value={harness?.parent_harness_id ?? ""}
          isNew={isNew}
          {...(!isNew && harness && { except: harness.id })}
        />
      }
    />
  );
}

function titleOf(harness: Harness | null, isNew: boolean): string {
  if (harness === null) return words.harnesses.create;
  const called = harness.display_name ?? harness.name;
  return isNew ? words.agents.copyOf(called) : called;
}

function Further({ harness }: { harness: Harness }) {
  const navigate = useNavigate();
  const copy = () =>
    navigate({ to: "/harnesses/$harnessId", params: { harnessId: NEW }, search: { from: harness.id } });
  return (
    <>
      {harness.is_built_in ? (
        <span className="text-sm text-soft">{words.harnesses.builtIn}</span>
      ) : (
        <Archive kind="harness" layer={harness} />
      )}
      <Button onClick={() => void copy()}>{words.agents.copy}</Button>
    </>
  );
}
