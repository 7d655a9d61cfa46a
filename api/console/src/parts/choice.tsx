import type { ReactNode } from "react";
import { useTyped } from "./typed";

interface Props {
  name: string;
  /** What is chosen now, whatever there is. */
  value: string;
  /** What choosing nothing means; left out where that cannot be chosen. */
  nothing?: string | undefined;
  /** What is chosen is called so where it is none of the options. */
  called?: string | undefined;
  options: readonly { value: string; label: ReactNode }[];
}

/** A choice of a form. What is chosen stays chosen, also where it is not among the options, or not any more. */
export function Choice({ name, value, nothing, called, options }: Props) {
  const [chosen, pick] = useTyped(value);
  const isMissing = chosen !== "" && !options.some((option) => option.value === chosen);
  return (
    <select name={name} value={chosen} onChange={(event) => pick(event.target.value)} className="field">
      {nothing !== undefined && <option value="">{nothing}</option>}
      {isMissing && <option value={chosen}>{called ?? chosen}</option>}
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}
