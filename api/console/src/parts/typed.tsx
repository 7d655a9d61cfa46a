/** Fields that show what is stored until somebody types, and again once what they typed is stored. */

import { type ComponentProps, useState } from "react";

/** Return what a field shows, and what to call with what somebody makes of it. */
export function useTyped(stored: string): [string, (text: string) => void] {
  const [typed, setTyped] = useState<string | null>(null);
  if (typed === stored) setTyped(null);
  return [typed ?? stored, setTyped];
}

type Props<Tag extends "input" | "textarea"> = Omit<ComponentProps<Tag>, "value" | "onChange"> & { stored: string };

export function TypedLine({ stored, ...rest }: Props<"input">) {
  const [text, setText] = useTyped(stored);
  return <input {...rest} value={text} onChange={(event) => setText(event.target.value)} />;
}

export function TypedText({ stored, ...rest }: Props<"textarea">) {
  const [text, setText] = useTyped(stored);
  return <textarea {...rest} value={text} onChange={(event) => setText(event.target.value)} />;
}
