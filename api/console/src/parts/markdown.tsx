/** Markdown that may still be growing. What draws it is loaded when there is some; until then the text stands as it is. */

import { lazy, memo, Suspense } from "react";

const Streaming = lazy(() => import("./streaming"));

export const Markdown = memo(function Markdown({ text, isOpen }: { text: string; isOpen: boolean }) {
  return (
    <div className="prose-chat">
      <Suspense fallback={<p className="whitespace-pre-wrap">{text}</p>}>
        <Streaming text={text} isOpen={isOpen} />
      </Suspense>
    </div>
  );
});
