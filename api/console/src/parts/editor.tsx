/** CodeMirror, in a shadow root: there it brings its styles along in a way that the page's policy allows. */

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { unifiedMergeView } from "@codemirror/merge";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";

interface Props {
  label: string;
  /** What it begins with; another text begins anew. */
  text: string;
  /** What the text is compared with, change by change; null to show it alone. */
  against: string | null;
  isReadonly: boolean;
  onChange: (text: string) => void;
}

const look = EditorView.theme({
  "&": { height: "100%", backgroundColor: "transparent", color: "var(--ink)", fontSize: "13px" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--soft)", border: "none" },
  ".cm-content": { caretColor: "var(--ink)", fontFamily: "var(--font-mono)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused .cm-selectionBackground, ::selection": { backgroundColor: "var(--tint)" },
  "& .cm-insertedLine, & .cm-changedLine": { backgroundColor: "var(--tint)" },
  "& .cm-deletedChunk": { backgroundColor: "var(--sunken)", color: "var(--bad)" },
  "& .cm-changedText, & .cm-deletedText": { background: "none", textDecoration: "underline" },
});

const comparison = new Compartment();

export default function Editor({ label, text, against, isReadonly, onChange }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef<EditorView>(null);
  const changed = useRef(onChange);
  changed.current = onChange;
  useEffect(() => {
    if (place.current === null) return;
    const root = place.current.shadowRoot ?? place.current.attachShadow({ mode: "open" });
    const box = document.createElement("div");
    box.style.height = "100%";
    root.replaceChildren(box);
    const view = new EditorView({
      root,
      parent: box,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          history(),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          EditorState.readOnly.of(isReadonly),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => update.docChanged && changed.current(update.state.doc.toString())),
          comparison.of([]),
          look,
        ],
      }),
    });
    shown.current = view;
    return () => view.destroy();
  }, [label, text, isReadonly]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: an editor that was made anew compares anew
  useEffect(() => {
    const view = shown.current;
    // What it compares with is a state of its own, which stays for as long as it compares.
    view?.dispatch({ effects: comparison.reconfigure([]) });
    if (against === null) return;
    const merged = unifiedMergeView({ original: against, mergeControls: false, highlightChanges: true });
    view?.dispatch({ effects: comparison.reconfigure(merged) });
  }, [against, label, text, isReadonly]);
  return <div ref={place} className="min-h-0 flex-1 overflow-hidden" data-testid="editor" />;
}
