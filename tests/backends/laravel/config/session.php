<?php
return ['driver' => 'array', 'lifetime' => 120, 'lottery' => [0, 100], 'cookie' => 'session', 'path' => '/', 'domain' => null, 'expire_on_close' => false];
