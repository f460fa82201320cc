<?php
// Publishes one private update with symfony/mercure: the hub's address, a token, and the id of the update.
require_once '/usr/share/php/Symfony/Component/Mercure/autoload.php';
require_once '/usr/share/php/Symfony/Component/HttpClient/autoload.php';

use Symfony\Component\HttpClient\NativeHttpClient;
use Symfony\Component\Mercure\Hub;
use Symfony\Component\Mercure\Jwt\StaticTokenProvider;
use Symfony\Component\Mercure\Update;

[, $url, $token, $id] = $argv;
$hub = new Hub($url, new StaticTokenProvider($token), null, null, new NativeHttpClient());
$topics = ['https://example.com/books/1', 'https://example.com/alternate'];
echo $hub->publish(new Update($topics, '{"from":"php"}', true, $id, 'book', 2000));
