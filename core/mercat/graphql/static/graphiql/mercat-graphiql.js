"use strict";

// Starts GraphiQL with the settings that the page carries in its JSON block.
(() => {
  const { createElement: element, useEffect, useState } = React;
  const { useEditorContext } = GraphiQL.React;

  const settings = JSON.parse(document.getElementById("settings").textContent);
  const endpoint = new URL(settings.endpoint, document.baseURI);
  const subscriptions = new URL(endpoint);
  subscriptions.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

  function ListIcon(props) {
    const lines = "M1 2h2M5 2h8M1 7h2M5 7h8M1 12h2M5 12h8";
    const path = element("path", { d: lines, stroke: "currentColor", strokeWidth: 1.5 });
    return element("svg", { ...props, viewBox: "0 0 14 14", fill: "none" }, path);
  }

  // Opens an operation in a tab of its own, or goes to the tab that already holds it.
  // A new tab takes over the headers, so that whoever has signed in stays so.
  function useOpen() {
    const editors = useEditorContext({ nonNull: true });
    const { addTab, changeTab, headerEditor, queryEditor, tabs } = editors;
    const [opening, setOpening] = useState(null);
    useEffect(() => {
      if (opening !== null) {
        queryEditor.setValue(opening.text);
        headerEditor?.setValue(opening.headers);
        setOpening(null);
      }
    }, [opening, queryEditor, headerEditor]);
    return (text) => {
      const index = tabs.findIndex((tab) => tab.query === text);
      if (index >= 0) {
        changeTab(index);
      } else {
        setOpening({ text, headers: headerEditor?.getValue() ?? "" });
        addTab();
      }
    };
  }

  function ReadyOperations() {
    const open = useOpen();
    const items = settings.operations.map((operation, index) => {
      const onClick = () => open(operation.document);
      const button = element("button", { type: "button", onClick }, operation.title);
      return element("li", { key: index }, button);
    });
    return element(
      "section",
      { className: "ready-operations", "aria-label": "Ready operations" },
      element("h2", null, "Ready operations"),
      element("p", null, "Open one, then press the run button beside the editor."),
      element("ul", null, items),
    );
  }

  const properties = {
    fetcher: GraphiQL.createFetcher({ url: endpoint.href, subscriptionUrl: subscriptions.href }),
  };
  if (settings.operations.length > 0) {
    const title = "Ready operations";
    properties.plugins = [{ title, icon: ListIcon, content: ReadyOperations }];
    properties.visiblePlugin = title;
    properties.defaultTabs = [{ query: settings.operations[0].document }];
  }
  const root = document.getElementById("graphiql");
  ReactDOM.createRoot(root).render(element(GraphiQL, properties));
})();
