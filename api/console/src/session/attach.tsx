/** Attaching pictures to a message: the button, and what is attached so far. */

import { Icon } from "../parts/icons";
import { words } from "../words";
import { type Attachment, PICTURES } from "./attachments";
import { addressOf, Picture } from "./picture";

/** The platform's own way to choose files, behind a small button. */
export function AttachButton({ onPick }: { onPick: (files: Iterable<File>) => void }) {
  return (
    <label
      title={words.chat.attach}
      className="cursor-pointer rounded-md p-1 text-soft focus-within:outline-2 focus-within:outline-accent hover:text-ink"
    >
      <Icon name="clip" />
      <input
        type="file"
        multiple
        accept={PICTURES.join()}
        aria-label={words.chat.attach}
        className="sr-only"
        onChange={(event) => {
          onPick([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
    </label>
  );
}

interface AttachmentsProps {
  attachments: Attachment[];
  onRemove: (attachment: Attachment) => void;
}

/** What goes along, or why it cannot. */
export function Attachments({ attachments, onRemove }: AttachmentsProps) {
  if (attachments.length === 0) return null;
  return (
    <ul aria-label={words.chat.attached} className="flex flex-wrap gap-3 px-4 py-2 text-xs">
      {attachments.map((one) => (
        <li key={one.key} className="flex items-center gap-2 rounded-lg border border-line p-1.5">
          {one.image && (
            <Picture address={addressOf(one.image)} name={one.filename} className="size-12 rounded object-cover" />
          )}
          <span className="max-w-40">
            <span className="block truncate">{one.filename}</span>
            {one.problem !== null && (
              <span role="alert" className="text-bad">
                {one.problem}
              </span>
            )}
            {one.image === null && one.problem === null && (
              <span className="breathing text-soft">{words.chat.uploading}</span>
            )}
          </span>
          <button
            type="button"
            aria-label={words.chat.detach(one.filename)}
            onClick={() => onRemove(one)}
            className="text-soft hover:text-ink"
          >
            <Icon name="cross" className="size-3.5" />
          </button>
        </li>
      ))}
    </ul>
  );
}
