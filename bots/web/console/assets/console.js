'use strict';

// Keeps the part of the page that is marked data-live up to date, as long as
// somebody looks at it: a page in the background has no connection at all.
(() => {
  const part = document.querySelector('[data-live]');
  if (!part) return;
  // The one place where text becomes elements: what our own server made.
  const ours = window.trustedTypes ? trustedTypes.createPolicy('console', { createHTML: (html) => html }) : { createHTML: (html) => html };
  const offline = document.querySelector('#offline');
  let source = null;
  let again = 0;
  let over = false; // nothing changes any more

  // What somebody writes in stays as it is, and what they opened stays open.
  const show = (html) => {
    const active = part.contains(document.activeElement) ? document.activeElement : null;
    if (active?.matches('input, select, textarea')) return;
    const opened = [...part.querySelectorAll('details')].map((one) => one.open);
    part.innerHTML = ours.createHTML(html);
    part.querySelectorAll('details').forEach((one, i) => { one.open = opened[i] === true; });
    if (active?.id) document.getElementById(active.id)?.focus({ preventScroll: true });
  };

  const close = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };

  const open = () => {
    close();
    source = new EventSource(part.dataset.live);
    source.addEventListener('part', (event) => {
      offline.hidden = true;
      show(JSON.parse(event.data));
    });
    source.addEventListener('over', () => { close(); over = true; });
    source.addEventListener('bye', () => {
      close();
      location.reload(); // the login
    });
    source.addEventListener('error', () => {
      offline.hidden = false;
      if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, 5000); // else the browser tries by itself
    });
  };

  const look = () => (document.visibilityState === 'visible' && !over ? open() : close());
  document.addEventListener('visibilitychange', look);
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', (event) => { if (event.persisted) look(); });
  look();
})();
