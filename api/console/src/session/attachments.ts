/** Pictures that go with the next message: each is uploaded when it is chosen, and a message names it. */

import { useCallback } from "react";
import { api, body } from "../api/client";
import type { Attached } from "../log/event";
import { words } from "../words";
import { changeDraft, draftOf, useDraft } from "./drafts";

/** What models can be shown; the server looks into the file itself. */
export const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export interface Attachment {
  key: number;
  filename: string;
  /** What it became, once it is uploaded. */
  image: Attached | null;
  problem: string | null;
}

async function upload(file: File, sessionId: string | undefined): Promise<Attached> {
  const reply = await api.POST("/api/v1/images", {
    params: { query: sessionId === undefined ? {} : { session_id: sessionId } },
    body: { file: "" },
    bodySerializer: () => {
      const form = new FormData();
      form.set("file", file);
      return form;
    },
  });
  return { id: body(reply).id, filename: file.name };
}

/** Delete a picture that no message will name. If that fails it stays, as one stays that was never taken away. */
function forget({ id }: Attached): void {
  api.DELETE("/api/v1/images/{image_id}", { params: { path: { image_id: id } } }).catch(() => undefined);
}

const NONE: Attachment[] = [];

function without(attachments: Attachment[], key: number): Attachment[] {
  const others = attachments.filter((one) => one.key !== key);
  return others.length === 0 ? NONE : others;
}

function changed(attachments: Attachment[], key: number, news: Partial<Attachment>): Attachment[] {
  const isThere = attachments.some((one) => one.key === key);
  return isThere ? attachments.map((one) => (one.key === key ? { ...one, ...news } : one)) : attachments;
}

let made = 0;

const draftKey = (sessionId: string | undefined) => `pictures ${sessionId ?? "new"}`;

/** Let go of what went with the message that began a session. */
export function dropAttachments(): void {
  changeDraft(draftKey(undefined), NONE, () => NONE);
}

export function useAttachments(sessionId: string | undefined) {
  const draft = draftKey(sessionId);
  const [attachments, change] = useDraft(draft, NONE);

  const add = useCallback(
    (files: Iterable<File>) => {
      for (const file of files) {
        const key = ++made;
        const become = (news: Partial<Attachment>) => change((before) => changed(before, key, news));
        const isPicture = PICTURES.includes(file.type);
        const problem = isPicture ? null : words.chat.noPicture;
        change((before) => [...before, { key, filename: file.name, image: null, problem }]);
        if (!isPicture) continue;
        upload(file, sessionId).then(
          (image) => (draftOf(draft, NONE).some((one) => one.key === key) ? become({ image }) : forget(image)),
          (error: Error) => become({ problem: error.message }),
        );
      }
    },
    [sessionId, draft, change],
  );
  /** Take one away; what is uploaded of it, or will be, is deleted. */
  const remove = useCallback(
    ({ key, image }: Attachment) => {
      change((before) => without(before, key));
      if (image !== null) forget(image);
    },
    [change],
  );
  const clear = useCallback(() => change(() => NONE), [change]);

  const images = attachments.flatMap(({ image }) => (image === null ? [] : [image]));
  return { attachments, images, add, remove, clear, isWhole: images.length === attachments.length };
}
