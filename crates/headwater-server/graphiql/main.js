import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './page.css';

import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';

const FIRST_QUESTION = `# What depends on it, across which domains? A reference is
# <namespace>/<name>, job:<namespace>/<name>, an id, or an ending that only one asset has.
query Impact($of: [Reference!]!) {
  impact(of: $of) {
    totalCount
    byDomain { key count nearestHops }
    assets(first: 20) { nodes { hops asset { reference type domain { name } } } }
    completeness { exhaustive cutBy unresolvedCount }
    snapshot { offset }
  }
}
`;

const webSocketOrigin = location.origin.replace(/^http/, 'ws');
const fetcher = createGraphiQLFetcher({
  url: '/graphql',
  subscriptionUrl: `${webSocketOrigin}/graphql/ws`,
});

createRoot(document.getElementById('graphiql')).render(
  createElement(GraphiQL, {
    fetcher,
    defaultQuery: FIRST_QUESTION,
    defaultTheme: null,
    shouldPersistHeaders: false,
  }),
);
