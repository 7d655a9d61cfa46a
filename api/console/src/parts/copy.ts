import { useState } from "react";
import { words } from "../words";

/** Copy a text; false where the browser has no clipboard for pages, as over plain HTTP, or gives them none. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Return what a button that copies says, and what it does: where it may not copy, it selects what is shown of the text. */
export function useCopy(text: string): [string, (shown: Element | null) => Promise<void>] {
  const [label, setLabel] = useState<string>(words.chat.copy);
  const act = async (shown: Element | null) => {
    const isCopied = await copy(text);
    if (!isCopied && shown) getSelection()?.selectAllChildren(shown);
    setLabel(isCopied ? words.chat.copied : words.chat.selected);
  };
  return [label, act];
}
