import { type MouseEvent, useState } from "react";
import { Button } from "./button";

interface Props {
  label: string;
  /** What it is called where several have the same label. */
  name?: string;
  sure: string;
  isBusy?: boolean;
  onSure: () => void;
}

/** A button for what cannot be taken back: it asks once more, in place, until the eye goes elsewhere. */
export function Sure({ label, name = label, sure, isBusy = false, onSure }: Props) {
  const [isAsking, setAsking] = useState(false);
  const press = ({ detail }: MouseEvent) => {
    if (detail > 1) return; // a double click is one wish, and answers nothing
    setAsking(!isAsking);
    if (isAsking) onSure();
  };
  return (
    <Button
      look="bad"
      aria-label={isAsking ? sure : name}
      disabled={isBusy}
      onClick={press}
      onBlur={() => setAsking(false)}
    >
      {isAsking ? sure : label}
    </Button>
  );
}
