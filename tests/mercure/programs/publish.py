# Publishes one private update with mercure-publisher: the hub's address, its key, and the id of the update.
import sys

from mercure_publisher import MercureConfig, MercurePublisher

url, key, name = sys.argv[1:]
config = MercureConfig(hub_url=url, publisher_jwt_key=key, publish_topics=["*"])
with MercurePublisher(config) as publisher:
    topics = ["https://example.com/books/1", "https://example.com/alternate"]
    print(publisher.publish(topics, {"from": "python"}, private=True, id=name, type="book"), end="")
