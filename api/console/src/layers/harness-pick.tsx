import { useQuery } from "@tanstack/react-query";
import { Choice } from "../parts/choice";
import { Field } from "../parts/field";
import { words } from "../words";
import { layers } from "./queries";

interface Props {
  name: "harness_id" | "parent_harness_id";
  value: string;
  /** Whether it is for something new, which may still stand on nothing. */
  isNew?: boolean;
  /** One that cannot stand on itself. */
  except?: string;
}

/** What an agent or a harness stands on: once it does, on another one, but not on nothing. */
export function HarnessPick({ name, value, isNew = false, except }: Props) {
  const harnesses = useQuery(layers.harnesses(""));
  const now = useQuery({ ...layers.harness(value), enabled: value !== "" }); // it may be archived, and so in no list
  const nothing = name === "harness_id" ? words.agents.serverHarness : words.harnesses.noBase;
  const others = harnesses.data?.filter(({ id }) => id !== except) ?? [];
  return (
    <Field label={words.harnesses.base}>
      <Choice
        name={name}
        value={value}
        nothing={isNew || value === "" ? nothing : undefined}
        called={now.data && (now.data.display_name ?? now.data.name)}
        options={others.map((harness) => ({ value: harness.id, label: harness.display_name ?? harness.name }))}
      />
    </Field>
  );
}
