// The chat. The server's message for a batch comes over the event stream and
// replaces the one before it; answers that make no task come back with the
// POST and are kept in sessionStorage. A turn is a command and its answer; the
// key that the page made for the command ties the two together.
'use strict';
(() => {
  const T = JSON.parse(document.getElementById('texts').textContent);
  const byId = (id) => document.getElementById(id);
  const [scroller, log, welcome, banner, latest] = ['scroller', 'log', 'welcome', 'banner', 'latest'].map(byId);
  const [form, input, sendButton, options, viewer] = ['composer', 'input', 'send', 'options', 'viewer'].map(byId);

  // ---- small tools

  function el(tag, props = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (name.includes('-') || name === 'role') node.setAttribute(name, value);
      else node[name] = value;
    }
    node.append(...children.filter((child) => child != null));
    return node;
  }

  function icon(name) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
    use.setAttribute('href', '#i-' + name);
    svg.setAttribute('aria-hidden', 'true');
    svg.append(use);
    return svg;
  }

  const spoken = (text) => el('span', {className: 'spoken'}, text + ' ');
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // randomUUID exists only where the page is a secure context.
  function newKey() {
    if (crypto.randomUUID) return crypto.randomUUID();
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
  }

  // part fills one region of a card, and only when what it shows has changed:
  // a playing video goes on playing and a focused button keeps the focus.
  const shownIn = new WeakMap();
  function part(node, value, build) {
    const now = JSON.stringify(value);
    if (shownIn.get(node) === now) return;
    shownIn.set(node, now);
    node.replaceChildren(...build());
    node.hidden = node.childNodes.length === 0;
  }

  // ---- turns

  const turns = new Map(); // by key
  const notes = new Map(); // what the last press under a turn was answered with, by key
  let clockOffset = 0;     // the server's clock minus this one
  let synced = false;
  const serverNow = () => Date.now() + clockOffset;

  const storeName = 'kiebot:turns';
  function save() {
    const kept = [...turns.values()].filter((turn) => !turn.message || turn.message.copy).slice(-60)
      .map(({key, at, text, again, reply, trouble, message}) => ({key, at, text, again, reply, trouble, message}));
    try {
      sessionStorage.setItem(storeName, JSON.stringify({turns: kept, notes: [...notes].slice(-60)}));
    } catch { /* full or forbidden: the chat works without */ }
  }

  function restore() {
    let kept;
    try { kept = JSON.parse(sessionStorage.getItem(storeName)); } catch { /* damaged: start afresh */ }
    for (const turn of kept?.turns ?? []) turns.set(turn.key, turn);
    for (const [key, note] of kept?.notes ?? []) notes.set(key, note);
  }

  function show(turn) {
    const fresh = !turn.node;
    if (fresh) {
      turn.node = el('article', {className: 'turn'}, ...['mine', 'answer', 'note'].map((name) => el('div', {className: name})));
    }
    const [mine, answer, note] = turn.node.children;
    part(mine, [turn.text, turn.again], () => (turn.text ? bubble(turn) : []));
    if (turn.message) {
      turn.card ??= newCard(answer);
      fillCard(turn);
    } else {
      part(answer, [turn.reply, turn.trouble], () => plainAnswer(turn));
    }
    // Of a canceled task the card says the same.
    const said = notes.get(turn.key);
    const news = said && said.text !== turn.message?.status ? said : null;
    part(note, news, () => (news ? answerNodes(news, turn) : []));
    place(turn);
    welcome.hidden = true;
  }

  // place keeps the log in the order of time and moves nothing that is right already.
  function place(turn) {
    let before = turn.node.isConnected ? turn.node.previousElementSibling : log.lastElementChild;
    const wrong = !turn.node.isConnected || turn.node.turnAt !== turn.at;
    turn.node.turnAt = turn.at;
    if (!wrong) return;
    before = log.lastElementChild;
    while (before && (before === turn.node || before.turnAt > turn.at)) before = before.previousElementSibling;
    const next = before ? before.nextElementSibling : log.firstElementChild;
    if (next !== turn.node) log.insertBefore(turn.node, next);
  }

  function remove(turn) {
    turn.node?.remove();
    turns.delete(turn.key);
  }

  function bubble(turn) {
    const words = el('p', {className: 'bubble'}, spoken(T.you));
    if (turn.again) words.append(icon('again'));
    for (const word of turn.text.split(/(^\/\S+|(?:^|\s)--[\w-]+)/)) {
      const kind = /^\//.test(word) ? 'command' : /^\s?--/.test(word) ? 'flag' : '';
      words.append(kind ? el('span', {className: kind}, word) : word);
    }
    return [words];
  }

  // plainAnswer is what stands under a command that has no card (yet).
  function plainAnswer(turn) {
    if (turn.trouble) {
      const retry = el('button', {type: 'button', onclick: () => deliver(turn)}, icon('again'), T.retry);
      return [el('div', {className: 'reply refused'}, icon('alert'), el('p', {}, T[turn.trouble])), el('div', {className: 'buttons'}, retry)];
    }
    if (!turn.reply) {
      return [el('p', {className: 'typing', 'aria-label': T.sending}, el('i'), el('i'), el('i'))];
    }
    return answerNodes(turn.reply, turn);
  }

  function answerNodes(reply, turn) {
    const nodes = [];
    if (reply.text) {
      const words = el('p', {}, spoken(T.bot), ...linked(reply.text));
      nodes.push(el('div', {className: reply.refused ? 'reply refused' : 'reply'}, reply.refused ? icon('alert') : null, words));
    }
    if (reply.items?.length) nodes.push(el('div', {className: 'items'}, ...groups(reply.items)));
    if (reply.buttons?.length) nodes.push(el('div', {className: 'buttons'}, ...reply.buttons.map((b) => button(b, turn))));
    return nodes;
  }

  // groups puts items under their headings; headings of a long list open when pressed.
  function groups(items) {
    const byGroup = Map.groupBy(items, (one) => one.group ?? '');
    return [...byGroup].flatMap(([group, members]) => {
      const list = el('ul', {}, ...members.map(item));
      if (!group) return [list];
      // Who opens a list wants to see its beginning, not the end of the chat.
      const heading = el('summary', {onclick: () => { atEnd = false; }}, group, el('span', {className: 'detail'}, String(members.length)));
      return [el('details', {open: items.length <= 12}, heading, list)];
    });
  }

  // linked makes the commands in a text pressable: they go into the input field.
  function linked(text) {
    return text.split(/((?:^|(?<=[\s(]))\/[a-z]+)/m).filter(Boolean).map((piece) =>
      /^\/[a-z]+$/.test(piece) ? el('button', {type: 'button', className: 'word', onclick: () => fill(piece + ' ')}, piece) : piece);
  }

  // item is one line. Choosing it fills the input field, or shows the task it is about.
  function item({title, detail, insert, task, state, src, hidden}) {
    const there = () => [...turns.values()].find((turn) => turn.message?.id === task)?.node;
    const act = insert ? () => fill(insert) : task && there() ? () => there()?.scrollIntoView({block: 'center'}) : null;
    const line = act ? el('button', {type: 'button', onclick: act}) : el('div');
    line.className = 'line';
    if (src) line.append(el('img', {className: hidden ? 'thumb veiled' : 'thumb', src, alt: '', loading: 'lazy', decoding: 'async'}));
    line.append(el('span', {className: 'title'}, title), detail ? el('span', {className: 'detail'}, detail) : '');
    if (state) line.dataset.state = state;
    return el('li', {}, line);
  }

  // ---- cards

  function newCard(answer) {
    const card = {};
    const names = {media: 'div', prompt: 'p', status: 'p', details: 'p', notes: 'ul', buttons: 'div'};
    for (const [name, tag] of Object.entries(names)) card[name] = el(tag, {className: name, hidden: true});
    card.root = el('div', {className: 'card'}, spoken(T.bot), card.media,
      el('div', {className: 'words'}, card.prompt, card.status, card.details, card.notes, card.buttons));
    answer.hidden = false;
    answer.replaceChildren(card.root);
    return card;
  }

  const clockIn = /\d+:\d\d(?::\d\d)?/;

  function fillCard(turn) {
    const {card, message: m} = turn;
    card.root.dataset.state = m.state;
    card.root.classList.toggle('open', !m.final);
    const single = m.final ? m.media?.length === 1 && m.media[0] : m.count === 1 && m;
    card.root.classList.toggle('heard', m.shape === 'audio');
    card.root.classList.toggle('fitted', Boolean(single?.ratio));
    card.root.style.setProperty('--ratio', single?.ratio || 1);
    part(card.media, [m.media, m.final, m.shape, m.ratio, m.count], () => mediaNodes(m));
    const seen = [...card.media.children].every((node) => node.matches('.image, .video'));
    card.media.classList.toggle('grid', seen && card.media.children.length > 1);
    part(card.prompt, m.prompt, () => (m.prompt ? [m.prompt] : []));
    const ticking = m.started && clockIn.test(m.status ?? '');
    part(card.status, [ticking ? m.status.replace(clockIn, '') : m.status, ticking && m.started, m.state], () => statusNodes(m, ticking));
    part(card.details, m.details, () => whole(m.details));
    part(card.notes, m.notes, () => (m.notes ?? []).map((text) => el('li', {}, text)));
    part(card.buttons, m.buttons, () => (m.buttons ?? []).map((b) => button(b, turn)));
  }

  // whole keeps what stands between the dots of a line together.
  function whole(text) {
    if (!text) return [];
    const pieces = text.split(' · ');
    return pieces.flatMap((piece, at) => [el('span', {}, at < pieces.length - 1 ? piece + ' ·' : piece), ' ']);
  }

  function statusNodes(m, ticking) {
    if (!m.status) return [];
    const mark = m.final ? (m.state === 'succeeded' ? null : icon('alert')) : el('i', {className: 'pulse', 'aria-hidden': 'true'});
    if (!ticking) return [mark, el('span', {}, m.status)].filter(Boolean);
    const at = m.status.match(clockIn);
    const clock = el('span', {className: 'clock', 'aria-hidden': 'true'});
    clock.dataset.started = m.started;
    tick(clock);
    return [mark, el('span', {}, m.status.slice(0, at.index), clock, m.status.slice(at.index + at[0].length))];
  }

  function tick(clock) {
    const seconds = Math.max(0, Math.floor((serverNow() - clock.dataset.started) / 1000));
    const pad = (n) => String(n).padStart(2, '0');
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    clock.textContent = h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
  }
  setInterval(() => document.querySelectorAll('.clock').forEach(tick), 1000);

  // ---- media

  function mediaNodes(m) {
    if (m.media?.length) return m.media.map((media) => mediaNode(media, m));
    if (m.final || !m.shape) return [];
    return Array.from({length: m.shape === 'audio' ? 1 : m.count}, () => {
      const box = el('div', {className: 'shimmer ' + m.shape, 'aria-hidden': 'true'});
      box.style.setProperty('--ratio', m.ratio || 1);
      return box;
    });
  }

  function mediaNode(media, m) {
    if (media.text) return el('p', {className: 'text'}, media.text);
    if (!media.src) {
      return el('a', {className: 'file', href: media.link, target: '_blank', rel: 'noopener noreferrer'}, icon('link'), media.title || T.open_link);
    }
    const box = el('figure', {className: 'shape ' + media.kind});
    if (media.ratio) box.style.setProperty('--ratio', media.ratio);
    const save = el('a', {className: 'save', href: media.src + '&download=1', download: media.name, title: T.save, 'aria-label': T.save}, icon('save'));
    const lost = () => box.replaceChildren(el('p', {className: 'gone'}, T.gone));
    const build = {image: imageNode, video: playerNode, audio: playerNode}[media.kind];
    if (!build) {
      return el('a', {className: 'file', href: media.src + '&download=1', download: media.name}, icon('save'), media.name || T.file);
    }
    if (media.kind === 'audio' && media.title) box.append(el('figcaption', {}, media.title));
    box.append(build(media, m, lost), save);
    return box;
  }

  function imageNode(media, m, lost) {
    const img = el('img', {src: media.src, alt: media.title || m.prompt || '', decoding: 'async', onerror: lost});
    if (media.width) [img.width, img.height] = [media.width, media.height];
    return el('button', {type: 'button', className: 'enlarge', title: T.enlarge, onclick: () => enlarge(media, m)}, img);
  }

  function playerNode(media, m, lost) {
    const player = el(media.kind, {src: media.src, controls: true, preload: 'metadata', onerror: lost, 'aria-label': media.title || m.prompt || ''});
    if (media.kind === 'video') Object.assign(player, {playsInline: true, loop: true, muted: true});
    return player;
  }

  function enlarge(media, m) {
    viewer.querySelector('figure').replaceChildren(el('img', {src: media.src, alt: m.prompt || ''}));
    viewer.querySelector('p').textContent = m.prompt || '';
    Object.assign(viewer.querySelector('a'), {href: media.src + '&download=1', download: media.name});
    viewer.showModal();
  }
  viewer.addEventListener('click', (event) => {
    if (event.target === viewer || event.target.closest('figure')) viewer.close();
  });

  // ---- sending

  class Refused extends Error {
    constructor(status) { super('status ' + status); this.status = status; }
  }

  // post tries again while no answer comes; the key makes that safe.
  async function post(path, body) {
    for (let wait = 500; ; wait *= 2) {
      try {
        const answer = await fetch(path, {
          method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body), signal: AbortSignal.timeout(20000),
        });
        if (answer.ok) return await answer.json();
        if (answer.status < 500) throw new Refused(answer.status);
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      if (wait > 4000) throw new Error('no answer');
      await sleep(wait);
    }
  }

  function troubleOf(error) {
    if (!(error instanceof Refused)) return 'unsure';
    return {401: 'no_access', 413: 'too_long'}[error.status] ?? 'not_sent';
  }

  function send(text) {
    const turn = {key: newKey(), at: serverNow(), text};
    turns.set(turn.key, turn);
    deliver(turn);
  }

  async function deliver(turn) {
    turn.trouble = undefined;
    stick(() => show(turn), true);
    save();
    try {
      const reply = await post('/api/command', {key: turn.key, text: turn.text});
      if (!turn.message) turn.at = reply.at;
      if (!reply.accepted) turn.reply = reply;
    } catch (error) {
      turn.trouble = troubleOf(error);
    }
    stick(() => show(turn));
    save();
  }

  const icons = {'🔄': 'again', '🔁': 'again', '❌': 'cancel', '✏️': 'edit', '⬆️': 'upscale', '🎬': 'animate', 'ℹ️': 'info', '✅': 'yes'};

  // button does what its data says; one that has a text shows it as the
  // command it is, and one with a text alone leaves it to be changed.
  function button({emoji, label, data, text}, turn) {
    const known = icons[emoji];
    const node = el('button', {type: 'button'}, known ? icon(known) : emoji ? emoji + ' ' : null, label);
    node.addEventListener('click', async () => {
      if (text && data) return send(text);
      if (text) return fill(text, false);
      if (node.getAttribute('aria-busy') === 'true') return;
      node.setAttribute('aria-busy', 'true');
      await press(turn, data);
      node.removeAttribute('aria-busy');
    });
    return node;
  }

  async function press(turn, data) {
    let reply;
    try {
      reply = await post('/api/press', {key: newKey(), data, text: turn.message ? turn.text : ''});
    } catch (error) {
      reply = {text: T[troubleOf(error)], refused: true};
    }
    if (reply.accepted) notes.delete(turn.key);
    else notes.set(turn.key, reply);
    // A question that is answered is no question any more.
    if (turn.reply && !reply.accepted && !reply.refused) turn.reply = {...turn.reply, buttons: []};
    stick(() => show(turn), reply.accepted);
    if (!reply.accepted) turn.node.lastElementChild.scrollIntoView({block: 'nearest'});
    save();
  }

  // ---- the event stream

  let source, lastHeard = 0, retryIn = 1000, retryTimer, bannerTimer;

  function connect() {
    clearTimeout(retryTimer);
    source?.close();
    source = new EventSource('/api/events');
    lastHeard = Date.now();
    source.addEventListener('sync', (event) => { connected(); sync(JSON.parse(event.data)); });
    source.addEventListener('upsert', (event) => { lastHeard = Date.now(); upsert(JSON.parse(event.data)); });
    source.addEventListener('beat', () => { lastHeard = Date.now(); });
    source.addEventListener('error', lost);
  }

  function connected() {
    lastHeard = Date.now();
    retryIn = 1000;
    clearTimeout(bannerTimer);
    bannerTimer = undefined;
    banner.textContent = '';
  }

  // lost tells the person only when it lasts; the browser itself reconnects
  // unless the answer was an error.
  function lost() {
    bannerTimer ??= setTimeout(async () => {
      banner.textContent = T.offline;
      const answer = await fetch('/api/suggest?text=').catch(() => undefined);
      if (answer?.status === 401) banner.textContent = T.no_access;
    }, 1500);
    if (source.readyState !== EventSource.CLOSED) return;
    clearTimeout(retryTimer);
    retryTimer = setTimeout(connect, retryIn);
    retryIn = Math.min(retryIn * 2, 15000);
  }

  // A connection can die without a word, for instance while a laptop sleeps.
  setInterval(() => {
    if (source && source.readyState === EventSource.OPEN && Date.now() - lastHeard > 40000) { lost(); connect(); }
  }, 5000);

  // Browsers allow six connections to one host: a forgotten tab gives its own back.
  let hiddenTimer;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) {
      hiddenTimer = setTimeout(() => { source.close(); source = undefined; }, 5 * 60 * 1000);
      return;
    }
    unseen = 0;
    document.title = 'kiebot';
    if (!source) connect();
  });
  addEventListener('online', () => { if (source?.readyState !== EventSource.OPEN) connect(); });
  addEventListener('pagehide', () => source?.close());
  addEventListener('pageshow', (event) => { if (event.persisted) connect(); });

  function sync({now, messages}) {
    clockOffset = now - Date.now();
    const there = new Set(messages.map((message) => message.key));
    stick(() => {
      for (const turn of [...turns.values()]) if (turn.message && !turn.message.copy && !there.has(turn.key)) remove(turn);
      for (const message of messages) apply(message);
      if (!synced) for (const turn of [...turns.values()]) if (!turn.message || turn.message.copy) resume(turn);
      welcome.hidden = turns.size > 0;
    }, !synced);
    synced = true;
    log.setAttribute('aria-busy', 'false');
    save();
  }

  // resume shows what an earlier load of this page left behind. A command
  // whose answer that load never saw can be sent again.
  function resume(turn) {
    if (!turn.message && !turn.reply && !turn.trouble) turn.trouble = 'unsure';
    show(turn);
  }

  let unseen = 0;
  function upsert(message) {
    const before = turns.get(message.key)?.message;
    stick(() => apply(message));
    if (document.hidden && message.final && !before?.final) document.title = `(${++unseen}) kiebot`;
    save();
  }

  function apply(message) {
    const turn = turns.get(message.key) ?? {key: message.key};
    turns.set(message.key, turn);
    Object.assign(turn, {message, at: message.at, text: message.text, again: message.again, reply: undefined, trouble: undefined});
    show(turn);
  }

  // ---- scrolling: new things move the view only for somebody who is at the end

  let atEnd = true;
  const toEnd = () => { scroller.scrollTop = scroller.scrollHeight; };
  function stick(change, force) {
    atEnd ||= Boolean(force);
    change();
    if (atEnd) toEnd();
    else latest.hidden = false;
  }
  scroller.addEventListener('scroll', () => {
    atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
    if (atEnd) latest.hidden = true;
  }, {passive: true});
  const resized = new ResizeObserver(() => { if (atEnd) toEnd(); });
  resized.observe(log);
  resized.observe(scroller);
  latest.addEventListener('click', () => { atEnd = true; latest.hidden = true; toEnd(); input.focus(); });

  // ---- the input field

  let recalled = -1; // how many commands back the field shows

  function grow() {
    input.style.height = 'auto';
    input.style.height = Math.min(input.scrollHeight, 180) + 'px';
    sendButton.disabled = input.value.trim() === '';
  }

  function fill(text, suggestNext = true) {
    input.value = text;
    grow();
    input.focus();
    input.setSelectionRange(text.length, text.length);
    if (suggestNext) suggest();
    else closeOptions();
  }

  function submit() {
    const text = input.value.trim();
    if (!text) return;
    recalled = -1;
    fill('', false);
    send(text);
  }

  // recall walks through earlier commands; false when there is no further one.
  function recall(step) {
    const texts = [...turns.values()].sort((a, b) => b.at - a.at).map((turn) => turn.text).filter((t, i, all) => all.indexOf(t) === i);
    const next = recalled + step;
    if (next < -1 || next >= texts.length) return false;
    recalled = next;
    fill(next < 0 ? '' : texts[next], false);
    return true;
  }

  form.addEventListener('submit', (event) => { event.preventDefault(); submit(); });
  input.addEventListener('input', () => { recalled = -1; grow(); suggest(); });
  input.addEventListener('blur', () => closeOptions());

  input.addEventListener('keydown', (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const handled = keys[event.key]?.(event);
    if (handled) event.preventDefault();
  });

  // A line break is Enter as every keyboard means it: those of phones may send
  // no usable key, and in an input method Enter ends a word and breaks no line.
  let newLine = false;
  input.addEventListener('beforeinput', (event) => {
    const breaks = event.inputType === 'insertLineBreak' || event.inputType === 'insertParagraph';
    if (!breaks || newLine) return;
    event.preventDefault();
    if (chosen >= 0) accept(chosen);
    else submit();
  });
  input.addEventListener('keyup', () => { newLine = false; });

  const keys = {
    Enter(event) {
      newLine = event.shiftKey; // what follows is decided by beforeinput
      return false;
    },
    Tab(event) {
      if (event.shiftKey || options.hidden) return false;
      accept(Math.max(chosen, 0));
      return true;
    },
    Escape() {
      if (options.hidden) return false;
      closeOptions();
      return true;
    },
    ArrowDown(event) {
      if (event.shiftKey) return false;
      if (!options.hidden) return choose(chosen + 1);
      return recalled >= 0 && recall(-1);
    },
    ArrowUp(event) {
      if (event.shiftKey) return false;
      if (!options.hidden && recalled < 0) return choose(chosen < 0 ? offered.length - 1 : chosen - 1);
      return (recalled >= 0 || input.value === '') && recall(1);
    },
  };

  // ---- suggestions

  let offered = [], chosen = -1, asking, askTimer;

  function suggest() {
    clearTimeout(askTimer);
    asking?.abort();
    const text = input.value;
    if (text.trim() === '' || text.includes('\n')) return closeOptions();
    askTimer = setTimeout(async () => {
      asking = new AbortController();
      try {
        const answer = await fetch('/api/suggest?text=' + encodeURIComponent(text), {signal: asking.signal});
        if (answer.ok) offer(await answer.json());
      } catch { /* offline, or typed on: the next try brings them */ }
    }, 60);
  }

  // What is chosen stays so when the list of a longer text has it, too.
  function offer(list) {
    const kept = offered[chosen]?.label;
    offered = list;
    chosen = -1;
    options.replaceChildren(...list.map(({label, detail}, at) => el('li', {
      id: 'option-' + at, role: 'option', 'aria-selected': 'false', onclick: () => accept(at),
    }, el('span', {className: 'title'}, label), detail ? el('span', {className: 'detail'}, detail) : null)));
    options.hidden = list.length === 0;
    options.scrollTop = 0;
    input.setAttribute('aria-expanded', String(list.length > 0));
    input.removeAttribute('aria-activedescendant');
    const at = list.findIndex(({label}) => label === kept);
    if (at >= 0) choose(at);
  }

  function closeOptions() {
    clearTimeout(askTimer);
    asking?.abort();
    offer([]);
  }

  function choose(at) {
    options.children[chosen]?.setAttribute('aria-selected', 'false');
    chosen = at >= offered.length ? -1 : at;
    const option = options.children[chosen];
    if (!option) {
      input.removeAttribute('aria-activedescendant');
      return true;
    }
    option.setAttribute('aria-selected', 'true');
    option.scrollIntoView({block: 'nearest'});
    input.setAttribute('aria-activedescendant', option.id);
    return true;
  }

  // Once: until the next list is there, nothing else can be accepted.
  function accept(at) {
    const option = offered[at];
    offered = [];
    if (option) fill(option.insert);
  }

  // A press on an option must not take the focus (and the keyboard of a phone) away.
  options.addEventListener('pointerdown', (event) => event.preventDefault());

  document.addEventListener('click', (event) => {
    const {send: command, fill: text} = event.target.closest?.('[data-send], [data-fill]')?.dataset ?? {};
    if (command) send(command);
    else if (text) fill(text, false);
  });

  restore();
  grow();
  connect();
})();
