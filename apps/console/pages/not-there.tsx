import { Empty, Page } from "../parts/page.tsx";

export const NotThere = () => (
  <Page title="Nothing here">
    <Empty icon="search">
      <p>There is no such page, or it is not yours to see.</p>
      <a href="#/">To the dashboards</a>
    </Empty>
  </Page>
);
