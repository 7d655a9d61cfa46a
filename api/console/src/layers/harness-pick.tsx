import { useQuery } from "@tanstack/react-query";
import { Field } from "../parts/field";
import { words } from "../words";
import { layers } from "./queries";

interface Props {
  name: "harness_id" | "parent_harness_id";
  value: string;
  /** One that cannot stand on itself. */
  except?: string;
}

/** What an agent or a harness stands on. */
export function HarnessPick({ name, value, except }: Props) {
  const harnesses = useQuery(layers.harnesses(""));
  return (
    <Field label={words.harnesses.base}>
      <select key={harnesses.isSuccess ? "there" : "coming"} name={name} defaultValue={value} className="field">
        {(name === "parent_harness_id" || value === "") && <option value="">{words.harnesses.noBase}</option>}
        {harnesses.data
          ?.filter(({ id }) => id !== except)
          .map((harness) => (
            <option key={harness.id} value={harness.id}>
              {harness.display_name ?? harness.name}
            </option>
          ))}
      </select>
    </Field>
  );
}
