/** How the page's frame is laid out. */

import { css } from 'lit'

export const pageLook = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    grid-template-rows: auto auto minmax(0, 1fr) auto;
    height: 100vh;
    height: 100dvh;
  }
  :host(.dropping) main {
    outline: 3px dashed var(--accent);
    outline-offset: -8px;
  }
  header {
    display: flex;
    align-items: center;
    gap: 0 20px;
    padding: 0 16px;
    background: var(--raised);
    border-bottom: 1px solid var(--frame);
  }
  .brand {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    font-weight: 700;
    letter-spacing: 0.02em;
    font-size: 16px;
  }
  .brand svg {
    width: 18px;
    height: 18px;
  }
  .brand rect {
    fill: var(--accent);
  }
  .brand circle {
    fill: var(--raised);
  }
  nav {
    display: flex;
    gap: 2px;
    overflow-x: auto;
    scrollbar-width: none;
    min-width: 0;
  }
  nav a {
    padding: 12px 12px 10px;
    color: var(--text);
    border-bottom: 2px solid transparent;
    text-decoration: none;
    white-space: nowrap;
  }
  nav a:focus-visible {
    outline-offset: -3px;
  }
  nav a:hover {
    color: var(--ink);
    text-decoration: none;
  }
  nav a[aria-current='page'] {
    color: var(--accent);
    border-bottom-color: var(--accent);
    font-weight: 600;
  }
  .right {
    margin-left: auto;
    display: flex;
    align-items: center;
    gap: 6px;
    min-width: 0;
    flex: none;
  }
  .right .badge {
    max-width: min(220px, 36vw);
  }
  .right button {
    padding: 3px 8px;
    min-width: 30px;
  }
  .file {
    display: flex;
    flex-wrap: wrap;
    gap: 6px 12px;
    align-items: center;
    padding: 6px 16px;
    background: var(--accent-fill);
  }
  .file .by {
    font-weight: 600;
  }
  .file .close {
    margin-left: auto;
  }
  .problem {
    display: flex;
    gap: 12px;
    align-items: center;
    justify-content: space-between;
    padding: 8px 16px;
    background: var(--bad-fill);
    color: var(--bad);
    overflow-wrap: anywhere;
  }
  main {
    overflow: auto;
    min-height: 0;
  }
  dialog {
    color: var(--ink);
    background: var(--raised);
    border: 1px solid var(--frame);
    border-radius: 12px;
    padding: 20px 24px;
    max-width: min(520px, calc(100vw - 32px));
  }
  dialog::backdrop {
    background: rgb(0 0 0 / 0.4);
  }
  dialog dl {
    display: grid;
    grid-template-columns: auto 1fr;
    gap: 6px 20px;
    margin: 14px 0 18px;
  }
  dialog dt {
    font-family: var(--mono);
    font-size: 12px;
    white-space: pre;
    line-height: 20px;
  }
  dialog dd {
    margin: 0;
    color: var(--text);
  }
  @media (max-width: 700px) {
    .file .by {
      flex: 1 1 calc(100% - 130px);
    }
    .file > :not(.by, .close) {
      order: 1;
    }
    header {
      flex-wrap: wrap;
      padding: 8px 12px 0;
    }
    nav {
      order: 3;
      flex: 1 0 100%;
      margin: 0 -12px;
      padding: 0 4px;
    }
    nav a {
      padding: 8px 9px;
    }
  }
`
