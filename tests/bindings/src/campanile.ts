import { createCampanile } from "campanile";

export const campanile = createCampanile<{ ORDER_SHIPPED: { title: string } }>({
  hub: import.meta.env.VITE_HUB,
  token: () => fetch("/hub-token").then((answer) => answer.text()),
});
