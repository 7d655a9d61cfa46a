/** Every word that the console says, in one place. */

const NUMBER = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const COST = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 4 });
const CLOCK = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });
const FULL = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

export const say = {
  number: (value: number) => NUMBER.format(value),
  compact: (value: number) => COMPACT.format(value),
  cost: (value: number) => COST.format(value),
  time: (at: string) => FULL.format(new Date(at)),
  /** A clock today, a day before. */
  when(at: string): string {
    const then = new Date(at);
    return new Date().toDateString() === then.toDateString() ? CLOCK.format(then) : DAY.format(then);
  },
  duration(ms: number): string {
    if (ms < 1_000) return `${Math.round(ms)} ms`;
    if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
    return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
  },
  bytes(size: number): string {
    return size < 1_024
      ? `${size} B`
      : size < 1_048_576
        ? `${(size / 1_024).toFixed(1)} KB`
        : `${(size / 1_048_576).toFixed(1)} MB`;
  },
};

export const words = {
  product: "Perdure",
  nav: {
    label: "Main",
    sessions: "Sessions",
    agents: "Agents",
    newChat: "New chat",
    api: "API",
    menu: "Menu",
    search: "Search sessions",
    commands: "Commands",
    logOut: "Log out",
    skip: "Skip to content",
    noSessions: "Nothing here yet. What you start appears here.",
    noneFound: "No session has this in its title.",
    untitled: "New session",
    light: "Light",
    dark: "Dark",
    theme: (other: string) => `${other} theme`,
  },
  status: {
    started: "new",
    active: "working",
    idle: "at rest",
    waitingfortoolresults: "waiting",
  } as Record<string, string>,
  welcome: {
    title: "What shall we work on?",
    subtitle: "Every step is on disk before you see it. Whatever dies meanwhile, this conversation goes on.",
    simulated:
      "No vendor has a key here yet, so the simulated model answers: it says back what you say. For a real one, set OPENAI_API_KEY, ANTHROPIC_API_KEY or another vendor's key and start the server again.",
    agent: "Agent",
    noAgent: "No agent",
    starters: [
      { title: "Say hello", text: "Hello! What survives a crash?" },
      {
        title: "Watch it stream",
        text: 'Stream a while.\n\n```sim\n{"think": "Slowly, so that there is something to watch.", "say": "Streaming, word by word, at an easy pace. Kill my process now if you like: the sentence goes on in another one, and nothing of it is lost, nor said twice.", "tokens_per_second": 6}\n```',
      },
      {
        title: "Call tools side by side",
        text: 'Add some numbers.\n\n```sim\n{"say": "Two sums at once.", "call": [{"name": "add", "arguments": {"a": 19, "b": 23}}, {"name": "multiply", "arguments": {"a": 6, "b": 7}}]}\n{"say": "Both come to **42**."}\n```',
        capabilities: ["test_math"],
      },
    ] as { title: string; text: string; capabilities?: string[] }[],
  },
  chat: {
    conversation: "Conversation",
    placeholder: "Write a message",
    steer: "Say something while it works",
    send: "Send",
    stop: "Stop",
    model: "Model",
    anyModel: "Default model",
    effort: "Effort",
    anyEffort: "Default effort",
    thinking: "Thinking",
    thought: "Thought",
    copy: "Copy",
    copied: "Copied",
    again: "Send again",
    moved: "The session moved to another process. Nothing was lost.",
    reconnecting: "The line is down. What was accepted goes on; this page comes back by itself.",
    sending: "Sending",
    unsent: "Not sent",
    discard: "Discard",
    retry: "Try again",
    earlier: "Earlier",
    readingBack: "Reading",
    working: "Working",
    cancelled: "Stopped",
    superseded: "Stopped: a new message came",
    failed: "This turn failed.",
    sealed: "This turn was ended.",
    picture: "Picture",
    script: "Script for the simulated model",
    empty: "This session has no message yet.",
    newest: "To the newest",
    export: "Export as Markdown",
  },
  tool: {
    called: "to do",
    running: "running",
    client: "waits for a client's tool",
    asked: "waits for you",
    done: "done",
    error: "failed",
    timeout: "timed out",
    cancelled: "cancelled",
    unknown: "outcome unknown",
    arguments: "Arguments",
    result: "Result",
    output: "Output",
    attempts: (count: number) => `attempt ${count}`,
    decide: "Your decision",
    expires: (at: string) => `Asked until ${say.time(at)}`,
    resultLabel: "What it returned, if you know",
    chosen: { happened: "It happened", retry: "Run again", skip: "Skipped" } as Record<string, string>,
    submit: "Hand in",
    clientHint: "The turn waits for a client that runs these tools. Without one, answer for it.",
    answerOf: (tool: string) => `Answer of ${tool}`,
  },
  tabs: { label: "Session", chat: "Chat", events: "Events", turns: "Turns", files: "Files" },
  place: {
    epoch: (epoch: number) => `epoch ${epoch}`,
    recoveries: (count: number) => (count === 1 ? "revived once" : `revived ${count} times`),
    resting: "asleep in Postgres",
    on: (pid: number | null) => `process ${pid ?? "?"}`,
    quarantined: "In quarantine: it kept killing its process. A new message lets it go on.",
  },
  events: {
    title: "Events",
    filter: "Go to sequence",
    raw: "Event",
    count: (count: number) => `${say.number(count)} events`,
    loading: "…",
    empty: "No event yet.",
    pick: "Pick an event to see all of it.",
    close: "Close",
    table: "Event log",
  },
  turns: {
    pick: "Turn",
    empty: "No turn yet.",
    model: "model",
    waiting: "waiting",
    tokens: (input: number, output: number) => `${say.compact(input)} in, ${say.compact(output)} out`,
    chart: "What the turn did, over time",
  },
  files: {
    empty: "No file in this workspace yet.",
    pick: "Pick a file.",
    save: "Save",
    saved: "Saved",
    binary: "This file is not text.",
    tree: "Files",
    readonly: "read-only",
  },
  agents: {
    title: "Agents",
    subtitle: "A prompt, a model and what it may do. Sessions follow their agent as it is now.",
    create: "New agent",
    search: "Search agents",
    empty: "No agent yet. Make one: a name and a prompt will do.",
    none: "No agent has this in its name.",
    name: "Name",
    nameHint: "Lower case, digits and dashes",
    displayName: "Display name",
    description: "Description",
    prompt: "System prompt",
    model: "Model",
    serverModel: "The server's default",
    capabilities: "Capabilities",
    save: "Save",
    saved: "Saved",
    archive: "Archive",
    chat: "Chat with it",
    edit: "Edit",
    back: "All agents",
    starter: {
      name: "assistant",
      prompt: "You are a helpful assistant. Answer briefly and plainly.",
    },
  },
  login: {
    title: "Log in",
    email: "E-mail address",
    password: "Password",
    submit: "Log in",
    with: (provider: string) => `Continue with ${provider}`,
    register: "Make an account",
    name: "Name",
    toRegister: "No account yet? Make one",
    toLogin: "There is an account? Log in",
    external: "Your organisation's identity provider says who may come in.",
  },
  palette: {
    title: "Commands",
    placeholder: "Go to a page, a session, an agent",
    none: "Nothing of that name.",
    go: "Go to",
    sessions: "Sessions",
    agents: "Agents",
    theme: "Change theme",
  },
  errors: {
    unreachable: "The server does not answer.",
    status: (status: number) => `The server answered ${status}.`,
    title: "This did not work",
    retry: "Try again",
    lost: "There is no such page.",
    home: "Go home",
  },
};
