import { createCampanile } from "campanile";

export type Alarms = { ORDER_SHIPPED: { title: string }; NEW_COMMENT: { text: string } };

export const campanile = createCampanile<Alarms>({
  hub: import.meta.env.VITE_HUB,
  token: async () => {
    const answer = await fetch("/hub-token");
    if (answer.status === 401) return null; // nobody is signed in
    if (!answer.ok) throw new Error(`/hub-token: ${answer.status}`); // asked again later
    return answer.text();
  },
});
