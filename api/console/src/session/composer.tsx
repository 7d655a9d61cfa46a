import { useQuery } from "@tanstack/react-query";
import { type ClipboardEvent, type DragEvent, type FormEvent, type KeyboardEvent, useRef } from "react";
import { queries } from "../api/queries";
import type { Attached } from "../log/event";
import { Button } from "../parts/button";
import { Icon } from "../parts/icons";
import { modelOf, offered } from "../settings/chain";
import { words } from "../words";
import { AttachButton, Attachments } from "./attach";
import { useAttachments } from "./attachments";
import type { Effort, Wish } from "./outbox";
import { useWritten } from "./written";

const EFFORTS = ["minimal", "low", "medium", "high"] as const satisfies readonly Effort[];
const PICK = "max-w-44 truncate rounded-md bg-transparent py-1 text-xs text-soft hover:text-ink";
const ROWS_MOST = 12;

interface Props {
  isBusy?: boolean;
  /** Of which session the message will be, if it is there yet. */
  sessionId?: string;
  /** Whether a message is on its way, and stays here until then, for it may fail; unset where it is taken at once. */
  isSending?: boolean;
  onSend: (text: string, wish: Wish, images: Attached[]) => void;
  onStop?: (() => void) | undefined;
}

/** Where one writes. What a message asks of its turn is chosen beside it, and stays chosen. */
export function Composer({ isBusy = false, sessionId, isSending, onSend, onStop }: Props) {
  const [{ text, wish }, change] = useWritten(sessionId);
  const form = useRef<HTMLFormElement>(null);
  const { attachments, images, add, remove, clear, isWhole } = useAttachments(sessionId);
  const isSendable = isWhole && !isSending && (text.trim() !== "" || images.length > 0);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isSendable) return;
    onSend(text, wish, images);
    if (isSending !== undefined) return;
    change({ text: "" });
    clear();
  };
  const take = (event: ClipboardEvent | DragEvent, files: FileList | undefined) => {
    if (!files?.length) return;
    event.preventDefault();
    add(files);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    form.current?.requestSubmit();
  };
  const label = isBusy ? words.chat.steer : words.chat.placeholder;
  return (
    <form
      ref={form}
      onSubmit={submit}
      onPaste={(event) => take(event, picturesIn(event.clipboardData))}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => take(event, event.dataTransfer.files)}
      className="rounded-2xl border border-line bg-raised shadow-sm transition-colors focus-within:border-accent"
    >
      <textarea
        aria-label={label}
        placeholder={label}
        value={text}
        rows={Math.min(ROWS_MOST, Math.max(2, text.split("\n").length))}
        onChange={(event) => change({ text: event.target.value })}
        onKeyDown={onKey}
        className="block w-full resize-none bg-transparent px-4 pt-3 outline-none placeholder:text-soft"
      />
      <Attachments attachments={attachments} onRemove={remove} />
      <div className="flex flex-wrap items-center gap-3 px-3 pb-3">
        <AttachButton onPick={add} />
        <Picks wish={wish} onChange={(wish) => change({ wish })} />
        <span className="ml-auto flex gap-2">
          {isBusy && onStop && (
            <Button look="bad" onClick={onStop}>
              <Icon name="stop" />
              {words.chat.stop}
            </Button>
          )}
          <Button look="main" type="submit" disabled={!isSendable}>
            <Icon name="send" />
            {words.chat.send}
          </Button>
        </span>
      </div>
    </form>
  );
}

/** Return the pictures of a clipboard; text that brings one along, as of a spreadsheet, is text. */
function picturesIn(clipboard: DataTransfer): FileList | undefined {
  return clipboard.types.includes("text/plain") ? undefined : clipboard.files;
}

function Picks({ wish, onChange }: { wish: Wish; onChange: (wish: Wish) => void }) {
  const models = useQuery(queries.models).data?.data ?? [];
  const set = (change: { model?: string | undefined; effort?: Effort | undefined }) => {
    const made = { ...wish, ...change };
    onChange(Object.fromEntries(Object.entries(made).filter(([, value]) => value)) as Wish);
  };
  return (
    <>
      <select
        aria-label={words.chat.model}
        value={wish.model ?? ""}
        onChange={(event) => set({ model: event.target.value })}
        className={PICK}
      >
        <option value="">{words.chat.anyModel}</option>
        {offered(models, modelOf(wish.model ?? null, models)).map((model) => (
          <option key={model.id} value={model.id}>
            {model.display_name}
          </option>
        ))}
      </select>
      <select
        aria-label={words.chat.effort}
        value={wish.effort ?? ""}
        onChange={(event) => set({ effort: event.target.value as Effort })}
        className={PICK}
      >
        <option value="">{words.chat.anyEffort}</option>
        {EFFORTS.map((effort) => (
          <option key={effort} value={effort}>
            {words.chat.efforts[effort]}
          </option>
        ))}
      </select>
    </>
  );
}
