import { useState } from "react";
import { Button } from "./button";

/** A button for what cannot be taken back: it asks once more, in place, until the eye goes elsewhere. */
export function Sure({ label, sure, onSure }: { label: string; sure: string; onSure: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const press = () => {
    setAsking(!isAsking);
    if (isAsking) onSure();
  };
  return (
    <Button look="bad" onClick={press} onBlur={() => setAsking(false)}>
      {isAsking ? sure : label}
    </Button>
  );
}
