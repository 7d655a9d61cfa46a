/** A picture of a message: small in the conversation, as large as the window when somebody wants to see it. */

import { useState } from "react";
import { refreshLogin } from "../api/client";
import type { Attached } from "../log/event";
import { Modal } from "../parts/modal";
import { words } from "../words";

interface Props {
  address: string;
  name: string;
  className?: string;
}

/** Return where an uploaded picture is. */
export function addressOf({ id }: Attached): string {
  return `/api/v1/images/${id}`;
}

export function Picture({ address, name, className = "mt-2 max-h-80 rounded-lg" }: Props) {
  const [isLarge, setLarge] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const [isGone, setGone] = useState(false);
  // A browser asks for pictures by itself: what a login lacks is seen when one does not come.
  const onError = async () => {
    if (attempt === 0 && (await refreshLogin().catch(() => false))) setAttempt(1);
    else setGone(true);
  };
  if (isGone) return <p className="mt-2 text-sm text-soft">{words.chat.gone(name)}</p>;
  const source = address.startsWith("data:") || attempt === 0 ? address : `${address}?attempt=${attempt}`;
  const picture = (look: string) => <img src={source} alt={name} className={look} onError={() => void onError()} />;
  return (
    <>
      <button type="button" aria-label={words.chat.enlarge(name)} onClick={() => setLarge(true)} className="block">
        {picture(className)}
      </button>
      {isLarge && (
        <Modal label={name} isWide onClose={() => setLarge(false)}>
          {picture("mx-auto max-h-[85vh] max-w-full")}
        </Modal>
      )}
    </>
  );
}
